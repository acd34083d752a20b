-- Players choose a username when they sign up, and everybody sees it.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    username text unique,
    created_at timestamptz not null default now()
);

alter table public.profiles enable row level security;
revoke all on table public.profiles from anon, authenticated;
grant select, update (username) on table public.profiles to authenticated;

drop policy if exists "Profiles are seen by everybody" on public.profiles;
create policy "Profiles are seen by everybody"
    on public.profiles
    for select
    to authenticated
    using (true);

drop policy if exists "Users rename themselves" on public.profiles;
create policy "Users rename themselves"
    on public.profiles
    for update
    to authenticated
    using ((select auth.uid()) = id);

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, username)
    values (new.id, left(new.raw_user_meta_data ->> 'username', 40))
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace function public.handle_user_closed()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles set username = null where id = new.id;
    return new;
end;
$$;

revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;
revoke all on function public.handle_user_closed() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.handle_new_user();

create or replace trigger on_auth_user_closed
    after update on auth.users
    for each row
    when (old.deleted_at is null and new.deleted_at is not null)
    execute function public.handle_user_closed();
