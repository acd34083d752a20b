-- A profile with a role, and what only an admin may write.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    role text not null default 'member' check (role in ('admin', 'member')),
    created_at timestamptz not null default now()
);

alter table public.profiles enable row level security;
revoke all on table public.profiles from anon, authenticated;
grant select on table public.profiles to authenticated;

drop policy if exists "Users read their own profile" on public.profiles;
create policy "Users read their own profile"
    on public.profiles
    for select
    to authenticated
    using ((select auth.uid()) = id);

create table if not exists public.announcements (
    id bigint generated always as identity primary key,
    body text not null
);

alter table public.announcements enable row level security;

drop policy if exists "Everybody reads announcements" on public.announcements;
create policy "Everybody reads announcements"
    on public.announcements
    for select
    using (true);

drop policy if exists "Admins write announcements" on public.announcements;
create policy "Admins write announcements"
    on public.announcements
    for insert
    to authenticated
    with check (
        exists (
            select
            from public.profiles
            where id = (select auth.uid()) and role = 'admin'
        )
    );

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, role)
    values (
        new.id,
        case new.raw_user_meta_data ->> 'role' when 'admin' then 'admin' else 'member' end
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.handle_new_user();
