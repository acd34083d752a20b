-- One function for INSERT and UPDATE writes the row again when the user changes. No foreign key: a
-- trigger deletes.

create table if not exists public.users (
    id uuid primary key,
    email varchar(255),
    is_anonymous boolean not null,
    nickname text,
    synced_at timestamptz not null default now()
);

alter table public.users enable row level security;
revoke insert, update, delete, truncate on public.users from anon, authenticated;
grant update (nickname) on public.users to authenticated;

drop policy if exists self on public.users;
create policy self
    on public.users
    using ((select auth.uid()) = id);

create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users as u (id, email, is_anonymous)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous)
    on conflict (id) do update
    set
        email = excluded.email,
        is_anonymous = excluded.is_anonymous,
        nickname = case when new.deleted_at is null then u.nickname end,
        synced_at = now()
    where
        (u.email, u.is_anonymous) is distinct from (excluded.email, excluded.is_anonymous)
        or (new.deleted_at is not null and u.nickname is not null);

    return null;
end;
$$;

create or replace function public.forget_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    delete from public.users where id = old.id;
    return null;
end;
$$;

revoke all on function public.sync_user() from public, anon, authenticated, service_role;
revoke all on function public.forget_user() from public, anon, authenticated, service_role;

create or replace trigger sync_user
    after insert or update on auth.users
    for each row
    execute function public.sync_user();

create or replace trigger forget_user
    after delete on auth.users
    for each row
    execute function public.forget_user();
