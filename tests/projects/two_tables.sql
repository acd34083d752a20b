-- A profile, an account and a membership: three rows for each signup; two of them carry the id.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    display_name text
);

create table if not exists public.accounts (
    id bigint generated always as identity primary key,
    kind text not null default 'personal' check (kind in ('personal', 'team'))
);

create table if not exists public.memberships (
    account_id bigint not null references public.accounts (id) on delete cascade,
    user_id uuid not null references public.profiles (id) on delete cascade,
    role text not null default 'member' check (role in ('member', 'owner')),
    primary key (account_id, user_id)
);

alter table public.profiles enable row level security;
alter table public.accounts enable row level security;
alter table public.memberships enable row level security;
revoke all on public.accounts, public.memberships from anon, authenticated;
grant select on public.accounts, public.memberships to authenticated;

drop policy if exists "everybody sees names" on public.profiles;
create policy "everybody sees names"
    on public.profiles
    for select
    using (true);

drop policy if exists "own name" on public.profiles;
create policy "own name"
    on public.profiles
    for update
    to authenticated
    using (id = (select auth.uid()))
    with check (id = (select auth.uid()));

drop policy if exists "own memberships" on public.memberships;
create policy "own memberships"
    on public.memberships
    for select
    to authenticated
    using (user_id = (select auth.uid()));

drop policy if exists "own accounts" on public.accounts;
create policy "own accounts"
    on public.accounts
    for select
    to authenticated
    using (id in (select account_id from public.memberships where user_id = (select auth.uid())));

create or replace function public.welcome()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    account bigint;
begin
    insert into public.profiles (id, display_name)
    values (new.id, nullif(left(new.raw_user_meta_data ->> 'display_name', 80), ''));

    insert into public.accounts default values
    returning id into account;

    insert into public.memberships (account_id, user_id, role)
    values (account, new.id, 'owner');

    return new;
end;
$$;

create or replace function public.farewell()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles set display_name = null where id = new.id;
    return new;
end;
$$;

create or replace function public.close_account()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    delete from public.accounts as a
    where
        a.id = old.account_id
        and not exists (select from public.memberships as m where m.account_id = a.id);
    return null;
end;
$$;

revoke all on function public.welcome() from public, anon, authenticated, service_role;
revoke all on function public.farewell() from public, anon, authenticated, service_role;
revoke all on function public.close_account() from public, anon, authenticated, service_role;

create or replace trigger welcome
    after insert on auth.users
    for each row
    execute function public.welcome();

create or replace trigger farewell
    after update on auth.users
    for each row
    when (old.deleted_at is null and new.deleted_at is not null)
    execute function public.farewell();

create or replace trigger close_account
    after delete on public.memberships
    for each row
    execute function public.close_account();
