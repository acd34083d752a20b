-- broken: the trigger asks for nothing
-- cases: refresh password-sign-in oauth-sign-in
-- says: only updated_at changes
alter table public.profiles add column updated_at timestamptz not null default now();

create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.deleted_at is not null then
        update public.profiles
        set email = null, phone = null, email_verified = false, full_name = null, updated_at = now()
        where id = new.id;
    else
        update public.profiles
        set
            email = new.email,
            phone = new.phone,
            email_verified = new.email_confirmed_at is not null,
            updated_at = now()
        where id = new.id;
    end if;

    return new;
end;
$$;

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    execute function public.update_profile();
-- mended: as told

-- broken: one function writes the row whatever has happened
-- base: upsert
-- cases: refresh password-sign-in oauth-sign-in
-- says: no column changes
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
    set email = excluded.email, is_anonymous = excluded.is_anonymous;

    return null;
end;
$$;
-- mended: as told

-- broken: at commit, the row is written once more
-- base: deferred
-- cases: oauth-sign-in
-- says: initially deferred
drop trigger rewrite_profile on auth.users;

create constraint trigger rewrite_profile
    after update of raw_user_meta_data, email, email_confirmed_at, deleted_at on auth.users
    deferrable initially deferred
    for each row
    execute function public.write_profile();
-- mended: as told
