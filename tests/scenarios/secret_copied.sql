-- broken: the whole row is kept for later
-- also: US208
-- says: encrypted_password.*raw_user.*set raw_user = raw_user - array
alter table public.profiles add column if not exists raw_user jsonb;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, raw_user)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        to_jsonb(new) - 'email' - 'phone'
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
    insert into public.profiles (id, email, phone, full_name, created_at, raw_user)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        jsonb_build_object('aud', new.aud)
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: the password comes along, for the day the app leaves
-- base: upsert
-- says: encrypted_password.*public.users.password_hash
alter table public.users add column if not exists password_hash text;

create or replace function public.keep_password()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.users set password_hash = new.encrypted_password where id = new.id;
    return null;
end;
$$;

create or replace trigger sync_user_password
    after insert or update of encrypted_password on auth.users
    for each row
    execute function public.keep_password();
-- mended:
drop trigger if exists sync_user_password on auth.users;

-- broken: an audit log of every change
-- base: plain
-- says: recovery_token.*public.user_log.entry
create table if not exists public.user_log (
    id bigint generated always as identity primary key,
    entry text not null
);

alter table public.user_log enable row level security;

create or replace function public.log_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.user_log (entry) values (row_to_json(new)::text);
    return null;
end;
$$;

create or replace trigger log_user
    after update on auth.users
    for each row
    when (old.recovery_token is distinct from new.recovery_token)
    execute function public.log_user();
-- mended:
create or replace function public.log_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.user_log (entry) values (format('%s changed', new.id));
    return null;
end;
$$;

-- broken: a webhook posts every new user
-- base: plain
-- says: crm.example.com.*drop trigger "tell-the-crm" on auth.users
create extension if not exists pg_net with schema extensions;

create or replace trigger "tell-the-crm"
    after insert on auth.users
    for each row
    execute function supabase_functions.http_request(
        'https://crm.example.com/hooks/user', 'POST', '{"Content-Type": "application/json"}', '{}', '1000'
    );
-- mended: as told

-- broken: whoever listens is told
-- base: plain
-- says: channel new_user
create or replace function public.announce_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    perform pg_notify('new_user', concat_ws(' ', new.id, new.email, new.encrypted_password));
    return null;
end;
$$;

create or replace trigger announce_user
    after insert on auth.users
    for each row
    execute function public.announce_user();
-- mended:
create or replace function public.announce_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    perform pg_notify('new_user', new.id::text);
    return null;
end;
$$;
