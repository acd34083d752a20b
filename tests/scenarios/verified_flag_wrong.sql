-- broken: the flag is taken from the INSERT
-- cases: email-autoconfirm oauth google apple sso admin-confirmed
-- also: US202 US204
-- says: profiles.email_verified
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, email_verified, created_at)
    values (new.id, new.email, new.phone, new.email_confirmed_at is not null, new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
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
        full_name = case when new.deleted_at is null then full_name end
    where id = new.id;

    return new;
end;
$$;
-- mended: as told

-- broken: a deferred trigger looks at what the INSERT brought
-- cases: email-autoconfirm oauth google apple sso admin-confirmed
-- also: US201 US202 US204 US208 US212
drop trigger on_auth_user_created on auth.users;
drop trigger on_auth_user_updated on auth.users;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, email_verified, created_at)
    values (new.id, new.email, new.phone, new.email_confirmed_at is not null, new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

create constraint trigger on_auth_user_created
    after insert on auth.users
    deferrable initially deferred
    for each row
    execute function public.create_profile();
-- mended: as told

-- broken: a moment to the millisecond is taken from the INSERT
-- base: detached
-- cases: email-autoconfirm oauth google apple sso admin-confirmed
-- also: US202 US204
-- policy: hard_delete=keep
-- says: accounts.emailVerified
create or replace function public.open_account()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.accounts (auth_id, email, "emailVerified", "createdAt")
    values (new.id, new.email, new.email_confirmed_at, new.created_at)
    on conflict (auth_id) do nothing;

    return new;
end;
$$;

create or replace function public.follow_account()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.accounts
    set email = case when new.deleted_at is null then new.email end
    where auth_id = new.id;

    return new;
end;
$$;
-- mended: as told
