-- broken: a deleted user is left alone
-- cases: email-autoconfirm phone-autoconfirm
-- says: profiles.email and .*full_name
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.deleted_at is null then
        update public.profiles
        set email = new.email, phone = new.phone, email_verified = new.email_confirmed_at is not null
        where id = new.id;
    end if;

    return new;
end;
$$;
-- mended: as told

-- broken: the address goes, and what was made of it stays
-- cases: email-autoconfirm
-- says: profiles.handle.*'deleted_'
alter table public.profiles add column handle text not null unique default gen_random_uuid()::text;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, handle)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        coalesce(split_part(new.email, '@', 1) || '_' || right(new.id::text, 6), new.id::text)
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told

-- broken: the metadata is copied as a whole, and stays
-- base: chain
-- cases: email-autoconfirm phone-autoconfirm
-- says: profiles.bio
create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, bio)
    values (new.id, new.raw_user_meta_data::text)
    on conflict (id) do nothing;

    return new;
end;
$$;

drop trigger on_auth_user_closed on auth.users;
-- mended:
create or replace trigger on_auth_user_closed
    after update of deleted_at on auth.users
    for each row
    when (new.deleted_at is not null)
    execute function public.empty_profile();

-- broken: what the form asked beside the name stays
-- says: profiles\.birth_date and social_number
alter table public.profiles add column if not exists birth_date date;
alter table public.profiles add column if not exists social_number text
    check (social_number ~ '^[0-9]{2,9}$');

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    sent jsonb := new.raw_user_meta_data;
begin
    insert into public.profiles (id, email, phone, full_name, created_at, birth_date, social_number)
    values (
        new.id,
        new.email,
        new.phone,
        sent ->> 'full_name',
        new.created_at,
        case
            when pg_input_is_valid(sent ->> 'birth_date', 'date') then (sent ->> 'birth_date')::date
        end,
        case when sent ->> 'social' ~ '^[0-9]{2,9}$' then sent ->> 'social' end
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told

-- broken: a name that must be there, and must be short
-- says: display_name.*'deleted_' \|\| left\(md5
alter table public.profiles add column if not exists display_name text not null default 'User'
    check (char_length(display_name) between 3 and 30);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    called text := new.raw_user_meta_data ->> 'full_name';
begin
    insert into public.profiles (id, email, phone, full_name, created_at, display_name)
    values (
        new.id,
        new.email,
        new.phone,
        called,
        new.created_at,
        case when char_length(called) between 3 and 30 then called else 'User' end
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told
