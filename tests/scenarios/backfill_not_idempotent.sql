-- broken: a plain insert of everybody
-- base: plain
-- says: a second run of .* fails: duplicate key
-- also: US401 US409
insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
from auth.users as u
where u.deleted_at is null;
-- mended: as told

-- broken: every run touches everybody
-- base: backfill
-- says: a second run of .* changes rows of public.people
-- also: US404 US405 US407
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
    set joined_at = clock_timestamp();
$$;
revoke all on function public.backfill_all() from public, anon, authenticated, service_role;
-- mended:
drop function public.backfill_all();
