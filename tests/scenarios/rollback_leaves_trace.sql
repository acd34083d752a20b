-- broken: the function goes and takes one of the triggers along
-- says: leaves the trigger on_auth_user_updated, which did not exist before the sync, and .*public.update_profile
select 1;

-- file: ../rollback.sql
drop function if exists public.create_profile() cascade;
-- mended:
-- file: ../rollback.sql
begin;
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;
drop function if exists public.update_profile();
drop function if exists public.create_profile();
commit;
-- broken: the profiles go, too
-- says: drops public.profiles, which has rows
select 1;

-- file: ../rollback.sql
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;
drop function if exists public.update_profile();
drop function if exists public.create_profile();
drop table if exists public.profiles;
-- mended:
-- file: ../rollback.sql
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;
drop function if exists public.update_profile();
drop function if exists public.create_profile();
-- broken: it runs once
-- says: fails when it runs again: 42704
select 1;

-- file: ../rollback.sql
drop trigger on_auth_user_updated on auth.users;
drop trigger on_auth_user_created on auth.users;
drop function public.update_profile();
drop function public.create_profile();
-- mended:
-- file: ../rollback.sql
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;
drop function if exists public.update_profile();
drop function if exists public.create_profile();
-- broken: monitoring asks for a function that is no more
-- says: leaves the function public.how_it_is\(\), which then fails: 42883
create function public.find_ghosts()
    returns bigint
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select count(*)
    from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id);
$$;

create function public.how_it_is()
    returns text
    security definer
    set search_path = ''
    language plpgsql
    stable
as $$
begin
    return case when public.find_ghosts() = 0 then 'well' else 'not well' end;
end;
$$;

revoke all on function public.find_ghosts(), public.how_it_is() from public, anon, authenticated;

-- file: ../rollback.sql
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;
drop function if exists public.update_profile(), public.create_profile(), public.find_ghosts();
-- mended:
-- file: ../rollback.sql
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;
drop function if exists public.update_profile(), public.create_profile(), public.find_ghosts(), public.how_it_is();
-- broken: the older trigger does not come back
-- says: removes the function .*welcome|on_auth_user_created, which existed
create or replace function public.welcome()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;
    return null;
end;
$$;

revoke all on function public.welcome() from public, anon, authenticated, service_role;

drop trigger if exists on_auth_user_created on auth.users;

create or replace trigger welcome
    after insert on auth.users
    for each row
    execute function public.welcome();

-- file: ../rollback.sql
drop trigger if exists welcome on auth.users;
drop function if exists public.welcome();
-- mended:
-- file: ../rollback.sql
drop trigger if exists welcome on auth.users;
drop function if exists public.welcome();
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
