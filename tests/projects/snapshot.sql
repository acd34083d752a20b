-- policy: email_change=snapshot confirmation=snapshot hard_delete=keep soft_delete=keep
-- A register of signups: a row never changes, whatever happens to the user.

create schema if not exists private;

create table if not exists private.register (
    entry bigint generated always as identity primary key,
    user_id uuid not null unique,
    email text,
    confirmed boolean not null,
    signed_up_at timestamptz,
    closed_at timestamptz
);

create or replace function private.enter()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into private.register as r (user_id, email, confirmed, signed_up_at)
    select u.id, u.email, u.email_confirmed_at is not null, u.created_at
    from auth.users as u
    where u.id = new.id and u.deleted_at is null
    on conflict (user_id) do update
    set email = excluded.email, confirmed = excluded.confirmed
    where r.email is null;

    return null;
end;
$$;

create or replace function private.close()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update private.register set closed_at = now() where user_id = old.id;
    return null;
end;
$$;

revoke all on function private.enter() from public, anon, authenticated, service_role;
revoke all on function private.close() from public, anon, authenticated, service_role;

-- A constraint trigger cannot be replaced.
do $$
begin
    if not exists (
        select from pg_catalog.pg_trigger
        where tgrelid = 'auth.users'::regclass and tgname = 'enter'
    ) then
        create constraint trigger enter
            after insert on auth.users
            deferrable initially deferred
            for each row
            execute function private.enter();

        create constraint trigger enter_address
            after update of email on auth.users
            deferrable initially deferred
            for each row
            when (old.email is null and new.email is not null)
            execute function private.enter();
    end if;
end;
$$;

create or replace trigger close
    after delete on auth.users
    for each row
    execute function private.close();
