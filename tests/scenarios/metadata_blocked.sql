-- broken: a country is required, in two letters
-- says: metadata \{\} fails.*country.*drop not null.*\{"country":"Ada"\} fails.*alter column country type text
-- also: US104
alter table public.profiles add column country varchar(2) not null;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, country)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        new.raw_user_meta_data ->> 'country'
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended:
alter table public.profiles alter column country drop not null;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, country)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        left(new.raw_user_meta_data ->> 'country', 2)
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: an age is taken for a number
-- says: \{"age":""\}.*pg_input_is_valid\(new\.raw_user_meta_data ->> 'age', 'integer'\)
alter table public.profiles add column age integer;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, age)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        (new.raw_user_meta_data ->> 'age')::integer
    )
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
    insert into public.profiles (id, email, phone, full_name, created_at, age)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        case
            when new.raw_user_meta_data ->> 'age' ~ '^[0-9]{1,3}$'
                then (new.raw_user_meta_data ->> 'age')::integer
        end
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: the theme is whatever the form says
-- says: \{"theme":""\}.*enum_range\(null::public\.theme\)
create type public.theme as enum ('light', 'dark');
alter table public.profiles add column theme public.theme not null default 'light';

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, theme)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        coalesce((new.raw_user_meta_data ->> 'theme')::public.theme, 'light')
    )
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
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: interests are a list, and a list is expected
-- says: jsonb_typeof\(new\.raw_user_meta_data -> 'interests'\) = 'array'
create table public.interests (
    user_id uuid not null references public.profiles (id) on delete cascade,
    name text not null
);
alter table public.interests enable row level security;
revoke all on public.interests from anon, authenticated;

create or replace function public.add_interests()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.interests (user_id, name)
    select new.id, i.name
    from jsonb_array_elements_text(new.raw_user_meta_data -> 'interests') as i (name)
    where i.name is not null;

    return new;
end;
$$;

create or replace trigger on_auth_user_interests
    after insert on auth.users
    for each row
    execute function public.add_interests();
-- mended:
create or replace function public.add_interests()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if jsonb_typeof(new.raw_user_meta_data -> 'interests') = 'array' then
        insert into public.interests (user_id, name)
        select new.id, i.name
        from jsonb_array_elements_text(new.raw_user_meta_data -> 'interests') as i (name)
        where i.name is not null;
    end if;

    return new;
end;
$$;

-- broken: the first word is cut off where there is one
-- says: negative substring
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    called text := new.raw_user_meta_data ->> 'full_name';
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (
        new.id,
        new.email,
        new.phone,
        substring(called from 1 for position(' ' in called) - 1),
        new.created_at
    )
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
    values (
        new.id,
        new.email,
        new.phone,
        split_part(new.raw_user_meta_data ->> 'full_name', ' ', 1),
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: names are indexed however long they are
-- says: left\(new\.raw_user_meta_data ->> 'full_name', 200\)
create index profiles_full_name_idx on public.profiles (full_name);
-- mended:
drop index public.profiles_full_name_idx;
create index profiles_full_name_idx on public.profiles (left(full_name, 200));

-- broken: what is sent is gone through key by key
-- says: user creation by an admin \(password hash, no metadata\) fails.*non-object.*= 'object' then
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    called text;
begin
    select t.value into called
    from jsonb_each_text(new.raw_user_meta_data) as t
    where lower(t.key) = 'full_name'
    order by t.key
    limit 1;

    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, left(called, 200), new.created_at)
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
declare
    called text;
begin
    if jsonb_typeof(new.raw_user_meta_data) = 'object' then
        select t.value into called
        from jsonb_each_text(new.raw_user_meta_data) as t
        where lower(t.key) = 'full_name'
        order by t.key
        limit 1;
    end if;

    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, left(called, 200), new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
