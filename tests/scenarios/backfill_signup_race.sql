-- broken: who has a profile is read before who is a user
-- also: US305 US405 US406 US407
-- says: a user signs up while public\.backfill_profiles\(\) runs, and the backfill fails \(2 sessions, 3 steps, 1 switch\)
create table public.backfill_runs (
    id bigint generated always as identity primary key,
    started_at timestamptz not null default now()
);
alter table public.backfill_runs enable row level security;
revoke all on public.backfill_runs from anon, authenticated;

create function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    known uuid[] := array(select id from public.profiles);
    someone record;
begin
    insert into public.backfill_runs default values;

    for someone in
        select u.* from auth.users as u where u.id <> all (known) and u.deleted_at is null
    loop
        insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
        values (
            someone.id, someone.email, someone.phone, someone.email_confirmed_at is not null,
            someone.raw_user_meta_data ->> 'full_name', someone.created_at
        );
    end loop;
end;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US406 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    known uuid[] := array(select id from public.profiles);
    someone record;
begin
    insert into public.backfill_runs default values;

    for someone in
        select u.* from auth.users as u where u.id <> all (known) and u.deleted_at is null
    loop
        insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
        values (
            someone.id, someone.email, someone.phone, someone.email_confirmed_at is not null,
            someone.raw_user_meta_data ->> 'full_name', someone.created_at
        )
        on conflict (id) do nothing;
    end loop;
end;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;

-- broken: the numbers are taken from the counter, and it is set afterwards
-- also: US405 US407 US408
-- says: a user signs up while public\.backfill_profiles\(\) runs, and .* fails \(2 sessions, 3 steps, 1 switch\)
alter table public.profiles add column member_number integer unique;
create table public.counters (name text primary key, value integer not null);
alter table public.counters enable row level security;
revoke all on public.counters from anon, authenticated;
insert into public.counters (name, value) values ('members', 0);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    number integer;
begin
    update public.counters set value = value + 1 where name = 'members' returning value into number;

    insert into public.profiles (id, email, phone, full_name, created_at, member_number)
    values (
        new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at, number
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    members integer;
    filled integer;
begin
    select value into members from public.counters where name = 'members';

    insert into public.profiles (id, email, phone, email_verified, full_name, created_at, member_number)
    select
        u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name',
        u.created_at, members + row_number() over (order by u.created_at)
    from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id) and u.deleted_at is null
    on conflict (id) do nothing;
    get diagnostics filled = row_count;

    update public.counters set value = members + filled where name = 'members';
end;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407 US408
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    members integer;
    filled integer;
begin
    select value into members from public.counters where name = 'members' for update;

    insert into public.profiles (id, email, phone, email_verified, full_name, created_at, member_number)
    select
        u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name',
        u.created_at, members + row_number() over (order by u.created_at)
    from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id) and u.deleted_at is null
    on conflict (id) do nothing;
    get diagnostics filled = row_count;

    update public.counters set value = members + filled where name = 'members';
end;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
