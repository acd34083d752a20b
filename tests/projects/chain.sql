-- The trigger on auth.users writes the profile, a trigger on the profile writes the settings.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    bio text
);

create table if not exists public.settings (
    profile_id uuid primary key references public.profiles (id) on delete cascade,
    newsletter boolean not null default false
);

alter table public.profiles enable row level security;
alter table public.settings enable row level security;

drop policy if exists "own profile" on public.profiles;
create policy "own profile"
    on public.profiles
    using (id = (select auth.uid()))
    with check (id = (select auth.uid()));

drop policy if exists "own settings" on public.settings;
create policy "own settings"
    on public.settings
    using (profile_id = (select auth.uid()))
    with check (profile_id = (select auth.uid()));

create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    return new;
end;
$$;

create or replace function public.empty_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles set bio = null where id = new.id;
    return new;
end;
$$;

create or replace function public.new_settings()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.settings (profile_id) values (new.id) on conflict (profile_id) do nothing;
    return new;
end;
$$;

revoke all on function public.new_profile() from public, anon, authenticated, service_role;
revoke all on function public.empty_profile() from public, anon, authenticated, service_role;
revoke all on function public.new_settings() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.new_profile();

create or replace trigger on_auth_user_closed
    after update on auth.users
    for each row
    when (old.deleted_at is null and new.deleted_at is not null)
    execute function public.empty_profile();

create or replace trigger on_profile_created
    after insert on public.profiles
    for each row
    execute function public.new_settings();
