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
