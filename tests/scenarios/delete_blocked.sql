-- broken: the foreign key to the user says nothing about deletes
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: profiles_id_fkey.*on delete cascade
-- also: US703
alter table public.profiles
    drop constraint profiles_id_fkey,
    add constraint profiles_id_fkey foreign key (id) references auth.users (id);
-- mended: as told
-- also: US703

-- broken: who has written something stays for ever
-- cases: in-use
-- says: a row in public.posts.*; then public.comments
create type public.mood as enum ('calm', 'cross');

create table public.posts (
    id bigint generated always as identity primary key,
    author_id uuid not null references public.profiles (id),
    title varchar(12) not null unique,
    state text not null check (state in ('draft', 'published')),
    mood public.mood not null,
    words integer not null check (words > 0),
    written_on date not null
);

create table public.comments (
    post_id bigint not null references public.posts (id),
    said jsonb not null
);
-- mended: as told

-- broken: a row that leads to another before it is in the way
-- cases: in-use
-- says: a row in public.teams and a row in public.badges
create table public.kinds (
    name text primary key
);

create table public.teams (
    id uuid primary key default gen_random_uuid(),
    captain uuid not null references auth.users (id) on delete cascade
);

create table public.badges (
    team_id uuid not null references public.teams (id) on delete restrict,
    kind text not null references public.kinds (name)
);
-- mended: as told

-- broken: a column is emptied that may not be empty
-- cases: in-use
-- says: NOT NULL.*drop not null
create table public.orders (
    id bigint generated always as identity primary key,
    buyer uuid not null references auth.users (id) on delete set null
);
-- mended:
alter table public.orders alter column buyer drop not null;

-- broken: who has brought a friend stays for ever
-- cases: in-use
-- says: a row in public.profiles.*on delete set null
alter table public.profiles add column invited_by uuid references public.profiles (id);
-- mended: as told

-- broken: the archive takes nobody without an email
-- cases: phone-autoconfirm anonymous
-- says: NULL into public.former_users.email
create table public.former_users (
    id uuid primary key,
    email text not null,
    left_at timestamptz not null default now()
);

alter table public.former_users enable row level security;

create or replace function public.archive_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.former_users (id, email) values (old.id, old.email);
    return old;
end;
$$;

revoke all on function public.archive_user() from public, anon, authenticated, service_role;

create or replace trigger archive_user
    before delete on auth.users
    for each row
    execute function public.archive_user();
-- mended: as told

-- broken: the trigger that deletes has no right to
-- base: upsert
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: security invoker
alter function public.forget_user() security invoker;
-- mended: as told

-- broken: a trigger says no
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: usersync_hard_delete = refuse
create or replace function public.keep_user()
    returns trigger
    set search_path = ''
    language plpgsql
as $$
begin
    raise exception 'users are never deleted';
end;
$$;

revoke all on function public.keep_user() from public, anon, authenticated, service_role;

create or replace trigger keep_user
    before delete on auth.users
    for each row
    execute function public.keep_user();
-- mended:
-- policy: hard_delete=refuse
