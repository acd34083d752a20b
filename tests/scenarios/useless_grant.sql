-- broken: as the reviewed pack does it
-- says: anon, authenticated, service_role.*from public, anon, authenticated, service_role
grant execute on function public.create_profile() to authenticated;
grant execute on function public.create_profile() to anon;
grant execute on function public.create_profile() to service_role;
-- mended: as told

-- broken: the role of Supabase Auth is given what it needs not
-- says: supabase_auth_admin
grant usage on schema public to supabase_auth_admin;
grant execute on function public.create_profile() to supabase_auth_admin;
-- mended: as told

-- broken: every function of a private schema is everybody's
-- base: text_key
-- says: app.member_follows_user\(\).*authenticated
grant usage on schema app to authenticated;
grant execute on all functions in schema app to authenticated;
-- mended: as told

-- broken: a dump spells out what was there anyway
-- base: plain
-- says: "public"|update_profile
GRANT ALL ON FUNCTION "public"."update_profile"() TO "anon";
GRANT ALL ON FUNCTION "public"."update_profile"() TO "service_role";
-- mended:
revoke all on function public.update_profile() from public, anon, authenticated, service_role;
