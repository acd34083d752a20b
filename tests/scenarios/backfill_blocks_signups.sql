-- broken: the table is locked, so that nobody comes in between
-- base: plain
-- says: blocks every signup
-- also: US405 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    lock table public.profiles in exclusive mode;

    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
drop function public.backfill_profiles();

-- broken: the procedure commits, but only in the end
-- base: backfill
-- says: public.backfill_all\(\) blocks every signup
-- also: US405 US407
create or replace procedure public.backfill_all()
    language plpgsql
as $$
begin
    lock table public.people in share row exclusive mode;

    insert into public.people (id, email, email_verified, nickname, joined_at)
    select u.id, u.email, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'nickname', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    commit;
end;
$$;
revoke all on procedure public.backfill_all() from public, anon, authenticated, service_role;
-- mended:
drop procedure public.backfill_all();
