-- broken: the role is copied before Auth fills it in
-- says: profiles.role
alter table public.profiles add column role text;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, role, created_at)
    values (new.id, new.email, new.phone, new.role, new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended:
alter table public.profiles drop column role;

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

-- broken: an UPDATE without its WHERE
-- says: public.profiles.email of an earlier user is
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

    update public.profiles set email = new.email where new.email is not null;

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

-- broken: the address is taken from what the provider said
-- cases: oauth google apple
-- says: profiles.email
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles as p
    set
        email = case
            when new.deleted_at is not null then null
            when new.email is distinct from old.email then new.email
            else p.email
        end,
        phone = case when new.deleted_at is null then new.phone end,
        full_name = case when new.deleted_at is null then p.full_name end,
        email_verified = new.email_confirmed_at is not null and new.deleted_at is null
    where p.id = new.id;

    return new;
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
    values (new.id, case
        when new.raw_app_meta_data ->> 'provider' in ('github', 'google', 'apple')
            then new.raw_user_meta_data ->> 'email'
        else new.email
    end, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
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

-- broken: the address is taken from the metadata, where it is not yet
-- also: US208
-- says: after an email signup \(no confirmation required\), public\.profiles\.contact is NULL
alter table public.profiles add column if not exists contact text;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, contact)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        new.raw_user_meta_data ->> 'email'
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
