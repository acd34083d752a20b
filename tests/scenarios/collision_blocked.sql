-- broken: a name is unique
-- cases: metadata
-- also: US107
-- says: with the same full_name.*drop constraint profiles_full_name_key
alter table public.profiles add constraint profiles_full_name_key unique (full_name);
-- mended:
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    wanted text := left(new.raw_user_meta_data ->> 'full_name', 40);
    taken boolean;
begin
    perform pg_advisory_xact_lock(hashtext('public.profiles.full_name'));
    taken := exists (select from public.profiles where full_name = wanted);

    insert into public.profiles (id, email, phone, full_name, created_at)
    values (
        new.id,
        new.email,
        new.phone,
        case when taken then wanted || '-' || replace(new.id::text, '-', '') else wanted end,
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: a handle is what stands before the @
-- cases: local-part
-- also: US106 US203
-- says: differs from the first only after the @.*drop index profiles_handle_idx
alter table public.profiles
    add column handle text generated always as (lower(split_part(email, '@', 1))) stored;
create unique index profiles_handle_idx on public.profiles (handle);
-- mended: as told

-- broken: a slug of the name, and nobody hears that it is taken
-- cases: metadata
-- says: can sign up but has no row in
alter table public.profiles
    add column slug text generated always as (
        regexp_replace(lower(left(full_name, 80)), '[^a-z0-9]+', '-', 'g')
    ) stored constraint profiles_slug_key unique;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict do nothing;

    return new;
end;
$$;
-- mended:
alter table public.profiles drop constraint profiles_slug_key;

-- broken: who sends nothing is called the same
-- cases: metadata
-- says: who sends no metadata.*drop constraint profiles_full_name_key
alter table public.profiles add constraint profiles_full_name_key unique (full_name);

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
        coalesce(md5(new.raw_user_meta_data ->> 'full_name' || new.id), 'somebody'),
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told

-- broken: who sends nothing is called as somebody is called already
-- cases: metadata
-- also: US104
-- says: who sends no metadata.*drop constraint profiles_full_name_key
alter table public.profiles add constraint profiles_full_name_key unique (full_name);

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
        coalesce(md5(new.raw_user_meta_data ->> 'full_name' || new.id), 'somebody'),
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

insert into auth.users (instance_id, id, aud, role, email, raw_user_meta_data, created_at)
values (
    '00000000-0000-0000-0000-000000000000',
    '00000000-0000-4000-8000-00000000da7a',
    'authenticated',
    'authenticated',
    'first@example.com',
    '{}',
    '2026-01-02 00:00:00+00'
);
-- mended: as told
