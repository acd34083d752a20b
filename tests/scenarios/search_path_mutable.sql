-- broken: the trigger function pins nothing
-- says: create_profile\(\) set search_path = ''
alter function public.create_profile() reset search_path;
-- mended: as told

-- broken: a helper with its owner's rights pins nothing
-- says: public.display_name\(auth.users\)
create or replace function public.display_name(new_user auth.users)
    returns text
    security definer
    language plpgsql
as $$
begin
    return coalesce(new_user.raw_user_meta_data ->> 'full_name', 'somebody');
end;
$$;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, public.display_name(new), new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told

-- broken: a helper counts on the path of its caller
-- also: US302
-- says: set search_path = public, pg_temp
alter table public.profiles add column if not exists place bigint;

create or replace function public.next_place()
    returns bigint
    security definer
    language plpgsql
as $$
begin
    return (select count(*) + 1 from profiles);
end;
$$;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
begin
    insert into profiles (id, email, phone, full_name, created_at, place)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        next_place()
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told
-- also: US302

-- broken: a trigger on the profile pins nothing
-- says: public.stamp\(\)
alter table public.profiles add column if not exists updated_at timestamptz not null default now();

create or replace function public.stamp()
    returns trigger
    security definer
    language plpgsql
as $$
begin
    new.updated_at = now();
    return new;
end;
$$;

create or replace trigger stamp
    before update on public.profiles
    for each row
    when (old.full_name is distinct from new.full_name)
    execute function public.stamp();
-- mended: as told

-- broken: the path is pinned to public, the table has no schema
-- says: table profiles in pg_temp.*handle_new_user\(\) set search_path = public, pg_temp
create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = public
    language plpgsql
as $$
begin
    insert into profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.handle_new_user();
-- mended: as told

-- broken: everybody may create in public, and a function fits better
-- says: function split_part\(character varying, character varying, integer\) in the schema public.*revoke create
grant create on schema public to authenticated;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (
        new.id,
        new.email,
        new.phone,
        coalesce(new.raw_user_meta_data ->> 'full_name', split_part(new.email, '@', 1)),
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told

-- broken: a schema of the app's own comes before public
-- says: table profiles in the schema drafts.*revoke create on schema drafts
create schema if not exists drafts;
grant usage, create on schema drafts to authenticated;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = drafts, public, pg_temp
    language plpgsql
as $$
begin
    insert into profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told

-- broken: an allowlist is read by a name without its schema
-- says: view allowed_domains in pg_temp
create table if not exists public.allowed_domains (
    domain text primary key
);

alter table public.allowed_domains enable row level security;

create or replace function public.greeting(address text)
    returns text
    stable
    language plpgsql
as $$
begin
    if exists (select from allowed_domains where domain = split_part(address, '@', 2)) then
        return 'colleague';
    end if;

    return 'guest';
end;
$$;

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = public
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (
        new.id,
        new.email,
        new.phone,
        coalesce(new.raw_user_meta_data ->> 'full_name', greeting(new.email)),
        new.created_at
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.handle_new_user();
-- mended: as told

-- broken: an operator of everybody's
-- says: operator character varying|operator varchar
grant all on schema public to anon, authenticated;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
begin
    if new.email like '%@example.com' then
        insert into public.profiles (id, email, phone, full_name, created_at)
        values (new.id, new.email, new.phone, 'Example', new.created_at)
        on conflict (id) do nothing;
    else
        insert into public.profiles (id, email, phone, full_name, created_at)
        values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
        on conflict (id) do nothing;
    end if;

    return new;
end;
$$;
-- mended:
revoke create on schema public from anon, authenticated;
