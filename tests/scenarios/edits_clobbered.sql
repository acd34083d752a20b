-- broken: the old name comes back with every sign-in
-- cases: password-sign-in oauth-sign-in confirm-email confirm-phone metadata
-- also: US211
-- says: the user.*full_name only `when old
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
        email_verified = new.email_confirmed_at is not null,
        full_name = new.raw_user_meta_data ->> 'full_name'
    where id = new.id;

    return new;
end;
$$;

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    execute function public.update_profile();
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
        email_verified = new.email_confirmed_at is not null,
        full_name = case
            when old.raw_user_meta_data ->> 'full_name'
                is distinct from new.raw_user_meta_data ->> 'full_name'
                then new.raw_user_meta_data ->> 'full_name'
            when new.deleted_at is null then full_name
        end
    where id = new.id;

    return new;
end;
$$;

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.phone is distinct from new.phone
        or old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.raw_user_meta_data ->> 'full_name' is distinct from new.raw_user_meta_data ->> 'full_name'
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.update_profile();

-- broken: one key of the metadata brings all of them back
-- cases: confirm-email metadata
create or replace function public.copy_metadata()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles set full_name = new.raw_user_meta_data ->> 'full_name' where id = new.id;
    return new;
end;
$$;

revoke all on function public.copy_metadata() from public, anon, authenticated, service_role;

create or replace trigger copy_metadata
    after update of raw_user_meta_data on auth.users
    for each row
    when (old.raw_user_meta_data is distinct from new.raw_user_meta_data)
    execute function public.copy_metadata();
-- mended:
create or replace trigger copy_metadata
    after update of raw_user_meta_data on auth.users
    for each row
    when (
        old.raw_user_meta_data ->> 'full_name' is distinct from new.raw_user_meta_data ->> 'full_name'
    )
    execute function public.copy_metadata();

-- broken: the row is thrown away and written again
-- base: upsert
-- also: US110 US211
-- says: the app|the user
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'UPDATE' then
        delete from public.users where id = new.id;
    end if;

    insert into public.users (id, email, is_anonymous)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous)
    on conflict (id) do nothing;

    return null;
end;
$$;
-- mended:
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous)
    on conflict (id) do update
    set email = excluded.email, is_anonymous = excluded.is_anonymous
    where (public.users.email, public.users.is_anonymous)
        is distinct from (excluded.email, excluded.is_anonymous);

    return null;
end;
$$;

-- broken: what the app has filled in goes with the confirmation
-- cases: confirm-email
-- says: what the app wrote into public.profiles.bio
alter table public.profiles add column if not exists bio text;
revoke update on public.profiles from authenticated;

create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    delete from public.profiles where id = new.id;

    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select
        new.id,
        new.email,
        new.phone,
        new.email_confirmed_at is not null,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at
    where new.deleted_at is null;

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
        bio = case when new.deleted_at is null then bio end,
        email_verified = new.email_confirmed_at is not null
    where id = new.id;

    return new;
end;
$$;
