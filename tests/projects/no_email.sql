-- Only the id: the app reads everything else from Auth. An ordinary log has several rows a user.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    locale text not null default 'en',
    created_at timestamptz not null default now()
);

create table if not exists public.user_events (
    id bigint generated always as identity primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    event text not null,
    happened_at timestamptz not null default now()
);

alter table public.profiles enable row level security;
alter table public.user_events enable row level security;

drop policy if exists "own profile, to see" on public.profiles;
create policy "own profile, to see"
    on public.profiles
    for select
    using ((select auth.uid()) = id);

drop policy if exists "own profile, to change" on public.profiles;
create policy "own profile, to change"
    on public.profiles
    for update
    using ((select auth.uid()) = id);

drop policy if exists "own events" on public.user_events;
create policy "own events"
    on public.user_events
    for select
    using ((select auth.uid()) = user_id);

create or replace function public.start_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    insert into public.user_events (user_id, event) values (new.id, 'joined'), (new.id, 'greeted');
    return new;
end;
$$;

revoke all on function public.start_profile() from public, anon, authenticated, service_role;

create or replace trigger a_start_profile
    after insert on auth.users
    for each row
    execute function public.start_profile();
