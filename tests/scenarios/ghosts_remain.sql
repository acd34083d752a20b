-- broken: whoever has no address is passed over
-- base: backfill
-- says: public.backfill_people\(\) skips.*by phone or an anonymous user
create or replace function public.fill_person(p_id uuid)
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    select public.write_person(u.id)
    from auth.users as u
    where u.id = p_id and u.email is not null;
$$;
-- mended:
create or replace function public.fill_person(p_id uuid)
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    select public.write_person(p_id);
$$;

-- broken: a statement of a migration takes the first thousand
-- base: plain
-- says: leaves 50 of 1050 ghost users
insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
from auth.users as u
where u.deleted_at is null
order by u.created_at desc, u.id
limit 1000
on conflict (id) do nothing;
-- mended: as told

-- broken: it joins what email users alone have
-- base: plain
-- says: skips.*phone
-- also: US405 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    join auth.identities as i on i.user_id = u.id and i.provider = 'email'
    where u.deleted_at is null
    on conflict (id) do nothing;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
drop function public.backfill_profiles();
