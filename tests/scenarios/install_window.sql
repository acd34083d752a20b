-- alone:
-- base: none
-- broken: the fill in one file, the trigger in the next
-- says: after \S*002_fill\.sql:1 has no profile.*on_auth_user_created is created in \S*003_trigger\.sql:1 \(2 sessions, 3 steps, 1 switch\)
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_fill.sql
insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;
-- file: 20260101000003_trigger.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- mended:
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_trigger.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- file: 20260101000003_fill.sql
insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

-- broken: the fill and the trigger in one file, the fill first
-- says: after \S*002_sync\.sql:1 has no profile.*is created in \S*002_sync\.sql:6 \(2 sessions, 3 steps, 1 switch\)
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- mended:
-- also: US405 US407
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    select u.id
    from auth.users as u
    for key share of u
    on conflict (id) do nothing;
end;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;

-- and once more, by hand, when all is deployed
select public.backfill_profiles();

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: the same, and what is told fills once more
-- says: after \S*002_sync\.sql:1 has no profile.*once, in a separate migration:\ninsert into public\.profiles
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- mended: as told
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: a file drops the trigger, and the next one makes it again
-- says: after \S*003_drop\.sql:1 has no profile.*replace on_auth_user_created.*
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_trigger.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- file: 20260101000003_drop.sql
drop trigger on_auth_user_created on auth.users;
-- file: 20260101000004_again.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- mended:
-- also: US703
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_trigger.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- file: 20260101000003_again.sql
drop trigger on_auth_user_created on auth.users;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: the transaction sees what was there before the trigger
-- also: US703
-- says: after \S*002_sync\.sql:3 has no profile.*\(2 sessions, 3 steps, 1 switch\).*lock table auth\.users
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
begin isolation level repeatable read;

comment on table public.profiles is 'Who there is.';

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

commit;

-- mended:
-- also: US703
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
begin isolation level repeatable read;

lock table auth.users in share row exclusive mode;

comment on table public.profiles is 'Who there is.';

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

commit;

-- broken: the trigger waits, and the fill does not see for whom
-- also: US703
-- says: a user whose signup is open after \S*001_table\.sql:27, while the migration runs, has no profile.*\(2 sessions, 5 steps, 3 switches\)
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
begin isolation level repeatable read;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;

commit;

-- mended:
-- file: 20260101000001_table.sql
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.profiles enable row level security;

create policy "Users can read their own profile"
    on public.profiles
    for select
    using (auth.uid() = id);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id)
    values (new.id)
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
-- file: 20260101000002_sync.sql
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
-- file: 20260101000003_fill.sql
insert into public.profiles (id)
select u.id
from auth.users as u
on conflict (id) do nothing;
