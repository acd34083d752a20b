-- broken: the row is read, and written back whole
-- cases: email-change-by-admin
-- says: overwrites an edit of public\.profiles\.full_name made at the same time \(2 sessions, 3 steps, 1 switch\)
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
-- says: overwrites an edit of public\.users\.nickname made at the same time \(2 sessions, 3 steps, 1 switch\)
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

-- broken: a sign-in and the metadata are noted in a row that was read before
-- cases: password-sign-in metadata
-- says: overwrites an edit of public\.profiles\.full_name made at the same time \(2 sessions, 3 steps, 1 switch\)
alter table public.profiles add column last_seen timestamptz, add column avatar_url text;

create or replace function public.note_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    profile public.profiles;
begin
    select * into profile from public.profiles where id = new.id;

    update public.profiles
    set
        last_seen = new.last_sign_in_at,
        avatar_url = case when new.deleted_at is null then new.raw_user_meta_data ->> 'avatar_url' end,
        full_name = profile.full_name
    where id = new.id;

    return new;
end;
$$;

revoke all on function public.note_profile() from public, anon, authenticated, service_role;

create or replace trigger note_profile
    after update on auth.users
    for each row
    when (
        old.last_sign_in_at is distinct from new.last_sign_in_at
        or old.raw_user_meta_data is distinct from new.raw_user_meta_data
    )
    execute function public.note_profile();
-- mended:
create or replace function public.note_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles
    set
        last_seen = new.last_sign_in_at,
        avatar_url = case when new.deleted_at is null then new.raw_user_meta_data ->> 'avatar_url' end
    where id = new.id;

    return new;
end;
$$;
