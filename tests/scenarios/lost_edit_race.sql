-- broken: the row is read, and written back whole
-- cases: email-change-by-admin
-- says: undoes what is written into public\.profiles\.full_name at the same moment \(2 sessions, 3 steps, 1 switch\)
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    profile public.profiles;
begin
    select * into profile from public.profiles where id = new.id;

    if new.deleted_at is not null then
        profile.email := null;
        profile.phone := null;
        profile.email_verified := false;
        profile.full_name := null;
    else
        profile.email := new.email;
        profile.phone := new.phone;
        profile.email_verified := new.email_confirmed_at is not null;
    end if;

    update public.profiles
    set
        email = profile.email,
        phone = profile.phone,
        email_verified = profile.email_verified,
        full_name = profile.full_name
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
declare
    profile public.profiles;
begin
    select * into profile from public.profiles where id = new.id for update;

    if new.deleted_at is not null then
        profile.email := null;
        profile.phone := null;
        profile.email_verified := false;
        profile.full_name := null;
    else
        profile.email := new.email;
        profile.phone := new.phone;
        profile.email_verified := new.email_confirmed_at is not null;
    end if;

    update public.profiles
    set
        email = profile.email,
        phone = profile.phone,
        email_verified = profile.email_verified,
        full_name = profile.full_name
    where id = new.id;

    return new;
end;
$$;

-- broken: an upsert keeps what it has read
-- base: upsert
-- cases: email-change-by-admin
-- says: undoes what is written into public\.users\.nickname at the same moment \(2 sessions, 3 steps, 1 switch\)
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    kept text := (select nickname from public.users where id = new.id and new.deleted_at is null);
begin
    if tg_op = 'UPDATE' and (old.email, old.is_anonymous, old.deleted_at)
        is not distinct from (new.email, new.is_anonymous, new.deleted_at)
    then
        return null;
    end if;

    insert into public.users (id, email, is_anonymous, nickname)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous, kept)
    on conflict (id) do update
    set email = excluded.email, is_anonymous = excluded.is_anonymous, nickname = excluded.nickname
    where tg_op = 'UPDATE';

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
    if tg_op = 'UPDATE' and (old.email, old.is_anonymous, old.deleted_at)
        is not distinct from (new.email, new.is_anonymous, new.deleted_at)
    then
        return null;
    end if;

    insert into public.users as u (id, email, is_anonymous)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous)
    on conflict (id) do update
    set
        email = excluded.email,
        is_anonymous = excluded.is_anonymous,
        nickname = case when new.deleted_at is null then u.nickname end
    where tg_op = 'UPDATE';

    return null;
end;
$$;
