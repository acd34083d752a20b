-- broken: the nickname was added to the trigger alone
-- base: backfill
-- says: nickname = NULL.*but the trigger writes
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
-- says: email_verified = false for a user with a confirmed email, but the trigger writes true
insert into public.profiles (id, email, phone, full_name, created_at)
select u.id, u.email, u.phone, u.raw_user_meta_data ->> 'full_name', u.created_at
from auth.users as u
where u.deleted_at is null
on conflict (id) do nothing;
-- mended: as told

-- broken: the other tables are forgotten
-- base: two_tables
-- says: no row for a user with a confirmed email, but the trigger writes one
insert into public.profiles (id, display_name)
select u.id, nullif(left(u.raw_user_meta_data ->> 'display_name', 80), '')
from auth.users as u
where u.deleted_at is null
on conflict (id) do nothing;
-- mended:
-- also: US407
do $$
declare
    ghost record;
    account bigint;
begin
    for ghost in
        select u.id, u.raw_user_meta_data ->> 'display_name' as name
        from auth.users as u
        where u.deleted_at is null and not exists (
            select
            from public.profiles as p
            where p.id = u.id
        )
        order by u.id
    loop
        insert into public.profiles (id, display_name)
        values (ghost.id, nullif(left(ghost.name, 80), ''));

        insert into public.accounts default values
        returning id into account;

        insert into public.memberships (account_id, user_id, role)
        values (account, ghost.id, 'owner');
    end loop;
end;
$$;
