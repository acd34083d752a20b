-- broken: the row stays behind and holds the number
-- base: generated_id
-- cases: phone-hard
-- also: US206 US703
-- says: foreign key.*on delete cascade
alter table public.profile drop constraint profile_user_id_fkey, add unique (phone);
-- mended: as told
-- also: US703

-- broken: the number of a deleted user stays taken
-- cases: phone-soft
-- also: US208
-- says: profiles_phone_key.*zz_forget_deleted_user
alter table public.profiles add unique (phone);

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

-- broken: whoever comes back has no profile
-- cases: email-hard
-- also: US206 US703
-- says: without any error
alter table public.profiles
    drop constraint profiles_id_fkey,
    add column is_sso_user boolean not null default false;

create unique index one_profile_for_an_address on public.profiles (email) where not is_sso_user;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, is_sso_user)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        new.is_sso_user
    )
    on conflict do nothing;

    return new;
end;
$$;
-- mended: as told
-- also: US703

-- broken: the profile is kept with its number
-- base: generated_id
-- policy: hard_delete=keep
-- cases: phone-hard
-- also: US703
-- says: drop constraint profile_phone_key
alter table public.profile drop constraint profile_user_id_fkey, add unique (phone);
-- mended:
-- also: US703
create or replace function public.clear_number()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profile set phone = null where user_id = old.id;
    return null;
end;
$$;

revoke all on function public.clear_number() from public, anon, authenticated, service_role;

create or replace trigger clear_number
    after delete on auth.users
    for each row
    execute function public.clear_number();
