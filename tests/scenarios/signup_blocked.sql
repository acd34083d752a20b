-- broken: the function runs with the rights of supabase_auth_admin
-- says: security definer set search_path
create or replace function public.create_profile()
    returns trigger
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
-- mended: as told

-- broken: names are looked up where Supabase Auth looks
-- says: for public\.profiles.*auth
create or replace function public.create_profile()
    returns trigger
    security definer
    language plpgsql
as $$
begin
    insert into profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended:
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

-- broken: the table was renamed
-- says: profiles, which does not exist in any schema
alter table public.profiles rename to people;
-- mended:
alter table public.people rename to profiles;

-- broken: the column was renamed
-- says: public\.profiles\.full_name.*add column full_name
alter table public.profiles rename column full_name to name;
-- mended: as told

-- broken: a column is required that the trigger leaves out
-- says: NULL into public\.profiles\.country.*alter column country drop not null
alter table public.profiles add column country text not null;
-- mended: as told

-- broken: a function of an extension is not on the path
-- says: extensions\.uuid_generate_v4\(\)
create extension if not exists "uuid-ossp" with schema extensions;
alter table public.profiles add column token uuid;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at, token)
    values (new.id, new.email, new.phone, new.created_at, uuid_generate_v4());

    return new;
end;
$$;
-- mended:
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

-- broken: the enum lacks the value
-- says: alter type public\.tier add value 'free'
create type public.tier as enum ('basic', 'pro');
alter table public.profiles add column tier public.tier;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at, tier)
    values (new.id, new.email, new.phone, new.created_at, 'free');

    return new;
end;
$$;
-- mended: as told

-- broken: the type is not on the path
-- says: for public\.tier, but its search_path is empty
create type public.tier as enum ('basic', 'pro');
alter table public.profiles add column tier public.tier;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at, tier)
    values (new.id, new.email, new.phone, new.created_at, 'basic'::tier);

    return new;
end;
$$;
-- mended:
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

-- broken: the value is too long
-- says: public\.profiles\.code.*alter column code type text
alter table public.profiles add column code varchar(8);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at, code)
    values (new.id, new.email, new.phone, new.created_at, new.id::text);

    return new;
end;
$$;
-- mended: as told

-- broken: the row that it refers to is not there
-- says: plans
create table public.plans (name text primary key);
alter table public.plans enable row level security;
alter table public.profiles
    add column plan text not null default md5(random()::text) references public.plans (name);
-- mended:
alter table public.profiles drop constraint profiles_plan_fkey;

-- broken: a check constraint refuses the row
-- says: CHECK.*drop constraint nick_length
alter table public.profiles add column nick text constraint nick_length check (length(nick) > 3);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at, nick)
    values (new.id, new.email, new.phone, new.created_at, 'ada');

    return new;
end;
$$;
-- mended: as told

-- broken: every row has the same unique value
-- says: drop constraint profiles_nick_key
alter table public.profiles add column nick text unique;
insert into auth.users (id, email, raw_user_meta_data, created_at)
values ('11111111-1111-4111-8111-111111111111', 'first@example.com', '{}', now());

update public.profiles set nick = 'ada';

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at, nick)
    values (new.id, new.email, new.phone, new.created_at, 'ada');

    return new;
end;
$$;
-- mended: as told

-- broken: the profile is written before the user
-- says: Make on_auth_user_created an AFTER INSERT trigger
create or replace trigger on_auth_user_created
    before insert on auth.users
    for each row
    execute function public.create_profile();
-- mended:
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: the project refuses
-- says: raises its own exception.*only by invitation
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    raise exception 'only by invitation';
end;
$$;
-- mended:
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

-- broken: on conflict names no unique column
-- says: ON CONFLICT
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (email) do nothing;

    return new;
end;
$$;
-- mended:
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

-- broken: a trigger on the profile table fails
-- says: public\.greet\(\).*greetings
create or replace function public.greet()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.greetings (user_id) values (new.id);
    return new;
end;
$$;

create or replace trigger greet
    after insert on public.profiles
    for each row
    execute function public.greet();
-- mended:
drop trigger greet on public.profiles;

-- broken: only the confirmation fails
-- says: public\.profiles\.verified_on
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles set verified_on = now() where id = new.id;
    return new;
end;
$$;
-- mended:
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles
    set
        email = case when new.deleted_at is null then new.email end,
        phone = case when new.deleted_at is null then new.phone end,
        full_name = case when new.deleted_at is null then full_name end,
        email_verified = new.email_confirmed_at is not null and new.deleted_at is null
    where id = new.id;

    return new;
end;
$$;

-- broken: an address has room for fifty characters
-- cases: email-long
-- says: a long address fails.*public\.profiles\.email.*alter column email type text
alter table public.profiles alter column email type varchar(50);
-- mended: as told

-- broken: a handle is short, and an address may begin at length
-- cases: email-long
-- says: public\.profiles\.handle.*alter column handle type text
alter table public.profiles
    add column handle varchar(30) generated always as (split_part(email, '@', 1)) stored;
-- mended: as told
