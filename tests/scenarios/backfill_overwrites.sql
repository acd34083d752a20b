-- broken: what the signup brought is put back
-- base: backfill
-- says: public.backfill_all\(\) changes existing rows: nickname of public.people
-- also: US405 US407
create or replace function public.backfill_all()
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.people (id, email, email_verified, nickname, joined_at)
    select u.id, u.email, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'nickname', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do update
    set nickname = excluded.nickname;
$$;
revoke all on function public.backfill_all() from public, anon, authenticated, service_role;
-- mended:
drop function public.backfill_all();

-- broken: everything is deleted and written anew
-- base: plain
-- says: changes existing rows: full_name of public.profiles
-- also: US304 US407
do $$
begin
    delete from public.profiles;

    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null;
end;
$$;
-- mended: as told
