-- broken: every address is followed
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: profiles.email and phone
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles
    set
        email = new.email,
        phone = new.phone,
        email_verified = new.email_confirmed_at is not null,
        full_name = case when new.deleted_at is null then full_name end
    where id = new.id;

    return new;
end;
$$;
-- mended: as told

-- broken: what is written at commit is read from the user
-- base: deferred
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: initially deferred
create or replace function public.write_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, email_confirmed)
    select u.id, u.email, u.email_confirmed_at is not null
    from auth.users as u
    where u.id = new.id
    on conflict (id) do update
    set email = excluded.email, email_confirmed = excluded.email_confirmed;

    return null;
end;
$$;
-- mended: as told

-- broken: the profile is kept, and follows all the same
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- policy: soft_delete=keep
-- says: do not write the row
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles
    set email = new.email, phone = new.phone, email_verified = new.email_confirmed_at is not null
    where id = new.id;

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
    if new.deleted_at is null then
        update public.profiles
        set email = new.email, phone = new.phone, email_verified = new.email_confirmed_at is not null
        where id = new.id;
    end if;

    return new;
end;
$$;
