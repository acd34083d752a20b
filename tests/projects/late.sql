-- A user who has something to confirm gets the profile at the confirmation. Nobody can sign in
-- before.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    joined_at timestamptz not null default now()
);

alter table public.profiles enable row level security;

drop policy if exists "own profile" on public.profiles;
create policy "own profile"
    on public.profiles
    for select
    using (id = auth.uid());

create or replace function public.open_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    return null;
end;
$$;

revoke all on function public.open_profile() from public, anon, authenticated, service_role;

create or replace trigger open_profile_at_once
    after insert on auth.users
    for each row
    when (coalesce(new.email, new.phone) is null or new.email_confirmed_at is not null)
    execute function public.open_profile();

create or replace trigger open_profile_when_confirmed
    after update on auth.users
    for each row
    when (old.confirmed_at is null and new.confirmed_at is not null)
    execute function public.open_profile();
