-- One table, tied to its user by a foreign key; one trigger for the signup, one for what happens later.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    phone text,
    email_verified boolean not null default false,
    full_name text,
    created_at timestamptz not null default now()
);

alter table public.profiles enable row level security;
revoke all on public.profiles from anon, authenticated;
grant select, update (full_name) on public.profiles to authenticated;

drop policy if exists "own profile" on public.profiles;
create policy "own profile"
    on public.profiles
    for select
    to authenticated
    using (id = (select auth.uid()));

drop policy if exists "own name" on public.profiles;
create policy "own name"
    on public.profiles
    for update
    to authenticated
    using (id = (select auth.uid()));

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.deleted_at is not null then
        update public.profiles
        set email = null, phone = null, email_verified = false, full_name = null
        where id = new.id;
    else
        update public.profiles
        set email = new.email, phone = new.phone, email_verified = new.email_confirmed_at is not null
        where id = new.id;
    end if;

    return new;
end;
$$;

revoke all on function public.create_profile() from public, anon, authenticated, service_role;
revoke all on function public.update_profile() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.phone is distinct from new.phone
        or old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.update_profile();
