-- alone:
-- broken: a trigger is dropped and created again
-- says: sql:1 drops on_auth_user_created, .* ACCESS EXCLUSIVE .*create or replace trigger
-- file: 20260102000000_again.sql
drop trigger if exists on_auth_user_created on auth.users;

create trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- mended:
-- base: plain
-- file: 20260102000000_again.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: a function is dropped with its trigger
-- says: sql:1 drops on_auth_user_created, .* ACCESS EXCLUSIVE .*create or replace function
-- file: 20260102000000_again.sql
drop function if exists public.create_profile() cascade;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- mended:
-- file: 20260102000000_again.sql
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: a backfill in the file of the trigger
-- says: sql:7 reads or writes rows for every user .* locked by line 1 \(SHARE ROW EXCLUSIVE\)
-- file: 20260102000000_trigger.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- those who are here already
insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
select
    one.id,
    one.email,
    one.phone,
    one.email_confirmed_at is not null,
    one.raw_user_meta_data ->> 'full_name',
    one.created_at
from auth.users as one
where one.deleted_at is null
on conflict (id) do nothing;
-- mended:
-- file: 20260102000000_trigger.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- file: 20260102000001_backfill.sql
insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
select
    one.id,
    one.email,
    one.phone,
    one.email_confirmed_at is not null,
    one.raw_user_meta_data ->> 'full_name',
    one.created_at
from auth.users as one
where one.deleted_at is null
on conflict (id) do nothing;

-- broken: a foreign key is checked on a table that is filled
-- says: sql:1 reads .* locked by the same statement .*not valid
-- file: 20260102000000_key.sql
alter table public.profiles
    add constraint profiles_user foreign key (id) references auth.users (id) on delete cascade;
-- mended:
-- file: 20260102000000_key.sql
alter table public.profiles
    add constraint profiles_user
    foreign key (id) references auth.users (id) on delete cascade not valid;
-- file: 20260102000001_check.sql
alter table public.profiles validate constraint profiles_user;

-- broken: an index beside the trigger
-- says: sql:5 reads or writes rows for every user
-- file: 20260102000000_index.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
create index profiles_email on public.profiles (email);
-- mended:
-- file: 20260102000000_index.sql
create index profiles_email on public.profiles (email);
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: the users are locked for good measure
-- says: sql:2 locks auth.users in ACCESS EXCLUSIVE mode, .*Remove line 2
-- file: 20260102000000_lock.sql
begin;
lock table auth.users;
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
commit;
-- mended:
-- file: 20260102000000_lock.sql
begin;
-- as much as the trigger takes itself
lock table auth.users in share row exclusive mode;
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
commit;
