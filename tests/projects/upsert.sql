-- One function for INSERT and UPDATE: the row is written again whenever the user changes. No foreign key; a trigger
-- deletes.

create table public.users (
    id uuid primary key,
    email varchar(255),
    is_anonymous boolean not null,
    nickname text,
    synced_at timestamptz not null default now()
);

alter table public.users enable row level security;

create function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous)
    on conflict (id) do update
    set email = excluded.email, is_anonymous = excluded.is_anonymous, synced_at = now()
    where (public.users.email, public.users.is_anonymous)
        is distinct from (excluded.email, excluded.is_anonymous);

    return null;
end;
$$;

create function public.forget_user()
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

create trigger sync_user
    after insert or update on auth.users
    for each row
    execute function public.sync_user();

create trigger forget_user
    after delete on auth.users
    for each row
    execute function public.forget_user();
