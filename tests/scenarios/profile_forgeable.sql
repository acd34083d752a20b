-- broken: row level security was never turned on
-- base: no_email
-- cases: create change delete
-- says: row level security is off
alter table public.profiles disable row level security;
alter table public.user_events disable row level security;
-- mended:
alter table public.profiles enable row level security;
alter table public.user_events enable row level security;

-- broken: whoever may change the name may change the role
-- cases: promote
-- says: can set their own role to 'admin' in public\.profiles: policy "own name" allows it
create type public.app_role as enum ('member', 'editor', 'admin');

alter table public.profiles add column role public.app_role not null default 'member';

grant update on public.profiles to authenticated;
-- mended: as told

-- broken: an admin flag of a policy's, and one's own row
-- cases: promote
-- says: can set their own flag to 'true' .*; with it, policy "all for admins" on public\.reports
alter table public.profiles add column flag boolean not null default false;

create table public.reports (
    id bigint generated always as identity primary key,
    author uuid references public.profiles (id) on delete cascade,
    body text
);

alter table public.reports enable row level security;

create or replace function public.allowed()
    returns boolean
    security definer
    set search_path = ''
    stable
    language sql
as $$
    select exists (select from public.profiles where id = auth.uid() and flag)
$$;

create policy "all for admins"
    on public.reports
    for all
    to authenticated
    using (public.allowed());

grant update on public.profiles to authenticated;
-- mended: as told

-- broken: an insert policy for the trigger
-- base: whole_statement
-- cases: create
-- says: policy "for the trigger" allows it
create policy "for the trigger"
    on public.profiles
    for insert
    with check (true);
-- mended: as told

-- broken: everybody changes and deletes everybody
-- base: upsert
-- cases: change delete
-- also: US606
-- says: policy "users are managed" allows it
create policy "users are managed"
    on public.users
    for all
    to authenticated
    using (true);

grant delete on public.users to authenticated;
-- mended: as told

-- broken: a view writes with its owner's rights
-- base: text_key
-- cases: create change delete
-- says: the view writes with its owner's rights
create view public.members as
    select "userId" as id, "joinedAt" as joined_at from app.member;
-- mended: as told

-- broken: who knows a tenant joins it
-- base: no_email
-- cases: promote
-- says: tenant .*policy "tenants see their papers" on public\.papers
create table public.tenants (
    id uuid primary key default gen_random_uuid(),
    name text not null default 'mine'
);

create table public.papers (
    id bigint generated always as identity primary key,
    tenant uuid not null references public.tenants (id) on delete cascade
);

alter table public.tenants enable row level security;
alter table public.papers enable row level security;
alter table public.profiles add column tenant uuid references public.tenants (id);

create or replace function public.found_tenant()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.tenants default values returning id into new.tenant;
    return new;
end;
$$;

create or replace trigger found_tenant
    before insert on public.profiles
    for each row
    execute function public.found_tenant();

create policy "tenants see their papers"
    on public.papers
    for select
    to authenticated
    using (tenant = (select p.tenant from public.profiles as p where p.id = auth.uid()));

drop policy if exists "own profile" on public.profiles;

create policy "users see themselves"
    on public.profiles
    for select
    to authenticated
    using (id = (select auth.uid()));

create policy "users update themselves"
    on public.profiles
    for update
    to authenticated
    using (id = (select auth.uid()));

grant update on public.profiles to authenticated;
-- mended: as told

-- broken: roles that users hand themselves
-- base: no_email
-- cases: promote
-- says: can insert their own row with role 'admin'
create table public.user_roles (
    id bigint generated always as identity primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    role text not null default 'user' check (role in ('user', 'moderator', 'admin')),
    unique (user_id, role)
);

alter table public.user_roles enable row level security;

create policy "own roles are seen"
    on public.user_roles
    for select
    to authenticated
    using (user_id = auth.uid());

create policy "own roles are written"
    on public.user_roles
    for insert
    to authenticated
    with check (user_id = auth.uid());

create or replace function public.first_role()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.user_roles (user_id) values (new.id) on conflict do nothing;
    return new;
end;
$$;

create or replace trigger zz_first_role
    after insert on auth.users
    for each row
    execute function public.first_role();
-- mended: as told

-- broken: a helper of the trigger is there for everybody to call
-- cases: create change promote
-- says: can set their own role to 'admin' in public\.profiles by calling public\.write_profile.*revoke execute on function public\.write_profile\(uuid,text,text\)
alter table public.profiles add column if not exists role text not null default 'user'
    check (role in ('user', 'admin'));

create or replace function public.write_profile(of_user uuid, address text, its_role text default 'user')
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.profiles (id, email, role)
    values (of_user, address, its_role)
    on conflict (id) do update set role = excluded.role, email = excluded.email;
$$;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    perform public.write_profile(new.id, new.email);

    update public.profiles
    set phone = new.phone, full_name = new.raw_user_meta_data ->> 'full_name', created_at = new.created_at
    where id = new.id;

    return new;
end;
$$;
-- mended: as told
