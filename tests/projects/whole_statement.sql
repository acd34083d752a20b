-- A statement trigger writes the profiles of all new users at once.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    created_at timestamptz not null
);

alter table public.profiles enable row level security;

create or replace function public.new_profiles()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, created_at)
    select id, created_at from new_users
    on conflict (id) do nothing;
    return null;
end;
$$;

revoke all on function public.new_profiles() from public, anon, authenticated, service_role;

create or replace trigger new_profiles
    after insert on auth.users
    referencing new table as new_users
    for each statement
    execute function public.new_profiles();
