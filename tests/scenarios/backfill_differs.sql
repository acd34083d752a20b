-- broken: the nickname was added to the trigger alone
-- base: backfill
-- says: nickname = NULL.*where the trigger writes
create or replace function public.fill_person(p_id uuid)
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.people (id, email, email_verified, joined_at)
    select u.id, u.email, u.email_confirmed_at is not null, u.created_at
    from auth.users as u
    where u.id = p_id and u.deleted_at is null
    on conflict (id) do nothing;
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

-- broken: everybody counts as unconfirmed
-- base: plain
-- says: email_verified = false for a user with a confirmed address, where the trigger writes true
-- also: US405 US407
insert into public.profiles (id, email, phone, full_name, created_at)
select u.id, u.email, u.phone, u.raw_user_meta_data ->> 'full_name', u.created_at
from auth.users as u
where u.deleted_at is null
on conflict (id) do nothing;
-- mended: as told
-- also: US405 US407

-- broken: the second table is forgotten
-- base: two_tables
-- says: no row for
-- also: US405 US407
do $$
begin
    null;
end;
$$;
-- mended:
select 1;
