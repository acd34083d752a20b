-- broken: an enum that the caller picks from, admin included
-- cases: signup
-- says: a user who sends role: 'admin' at the signup gets it in public\.profiles\.role
create type public.user_role as enum ('student', 'teacher', 'admin');

alter table public.profiles add column role public.user_role not null default 'student';

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, role)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        coalesce(
            (
                select role
                from unnest(enum_range(null::public.user_role)) as role
                where role::text = new.raw_user_meta_data ->> 'role'
            ),
            'student'
        )
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended:
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at, role)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'full_name',
        new.created_at,
        case new.raw_user_meta_data ->> 'role' when 'teacher' then 'teacher' else 'student' end
            ::public.user_role
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: the plan follows the metadata
-- base: no_email
-- cases: update
-- says: a user who sends tier: 'pro' in a metadata change gets it in public\.profiles\.tier
alter table public.profiles
    add column tier text not null default 'free' check (tier in ('free', 'pro'));
revoke update on public.profiles from anon, authenticated;
grant update (locale) on public.profiles to authenticated;

create or replace function public.follow_tier()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    wanted text := case new.raw_user_meta_data ->> 'tier' when 'pro' then 'pro' else 'free' end;
begin
    update public.profiles
    set tier = wanted
    where id = new.id and tier <> wanted;

    return null;
end;
$$;

create or replace trigger zz_follow_tier
    after update of raw_user_meta_data on auth.users
    for each row
    when (old.raw_user_meta_data is distinct from new.raw_user_meta_data)
    execute function public.follow_tier();
-- mended:
create or replace function public.follow_tier()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    wanted text := case new.raw_app_meta_data ->> 'tier' when 'pro' then 'pro' else 'free' end;
begin
    update public.profiles
    set tier = wanted
    where id = new.id and tier <> wanted;

    return null;
end;
$$;

-- broken: a policy believes the metadata of the token
-- base: no_email
-- cases: signup update
-- says: gets access by policy "all for admins" on public\.reports
create table public.reports (
    id bigint generated always as identity primary key,
    body text
);

alter table public.reports enable row level security;

create policy "all for admins"
    on public.reports
    for all
    to authenticated
    using ((auth.jwt() -> 'user_metadata' ->> 'role') = 'admin');
-- mended: as told

-- broken: the tenant is the one that the metadata names
-- base: chain
-- cases: signup
-- says: with it, policy "members read" on public\.papers allows more
create table public.tenants (
    id uuid primary key default gen_random_uuid(),
    name text not null
);

create table public.papers (
    id bigint generated always as identity primary key,
    tenant uuid not null references public.tenants (id) on delete cascade
);

create table public.members (
    person uuid primary key references auth.users (id) on delete cascade,
    tenant uuid references public.tenants (id) on delete set null
);

alter table public.tenants enable row level security;
alter table public.papers enable row level security;
alter table public.members enable row level security;

create policy "members see themselves"
    on public.members
    for select
    to authenticated
    using (person = (select auth.uid()));

create policy "members read"
    on public.papers
    for select
    to authenticated
    using (tenant in (select m.tenant from public.members as m where m.person = auth.uid()));

create or replace function public.new_member()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.members (person, tenant)
    select new.id, (
        select t.id from public.tenants as t
        where t.id::text = new.raw_user_meta_data ->> 'tenant'
    )
    on conflict (person) do nothing;
    return new;
end;
$$;

create or replace trigger zz_new_member
    after insert on auth.users
    for each row
    execute function public.new_member();
-- mended:
create or replace function public.new_member()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.members (person) values (new.id)
    on conflict (person) do nothing;
    return new;
end;
$$;

-- broken: everybody has a team of their own, unless the metadata names another
-- base: chain
-- cases: signup
-- says: a user who sends team_id: the id of another row at the signup gets it in public\.seats\.team_id
create table public.teams (
    id uuid primary key default gen_random_uuid(),
    owner_id uuid not null references auth.users (id) on delete cascade
);

create table public.seats (
    person uuid primary key references auth.users (id) on delete cascade,
    team_id uuid not null references public.teams (id) on delete cascade
);

alter table public.teams enable row level security;
alter table public.seats enable row level security;

create or replace function public.my_team()
    returns uuid
    stable
    security definer
    set search_path = ''
    language sql
as $$
    select s.team_id from public.seats as s where s.person = auth.uid()
$$;

create policy "the team sees itself"
    on public.teams
    for select
    to authenticated
    using (id = (select public.my_team()));

create or replace function public.new_seat()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    team uuid := (
        select t.id from public.teams as t
        where t.id::text = new.raw_user_meta_data ->> 'team_id'
    );
begin
    if team is null then
        insert into public.teams (owner_id) values (new.id)
        returning id into team;
    end if;

    insert into public.seats (person, team_id) values (new.id, team)
    on conflict (person) do nothing;
    return new;
end;
$$;

create or replace trigger zz_new_seat
    after insert on auth.users
    for each row
    execute function public.new_seat();
-- mended:
create or replace function public.new_seat()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    team uuid;
begin
    insert into public.teams (owner_id) values (new.id)
    returning id into team;

    insert into public.seats (person, team_id) values (new.id, team)
    on conflict (person) do nothing;
    return new;
end;
$$;

-- broken: the organization is the first one, unless the metadata names another
-- base: chain
-- cases: signup
-- says: a user who sends org_id: the id of another row at the signup gets it in public\.staff\.org_id
create table public.organizations (
    id bigint generated by default as identity primary key,
    name text not null
);

insert into public.organizations (name) values ('first');

create table public.staff (
    person uuid primary key references auth.users (id) on delete cascade,
    org_id bigint not null references public.organizations (id)
);

alter table public.organizations enable row level security;
alter table public.staff enable row level security;

create policy "the staff sees its organization"
    on public.organizations
    for select
    to authenticated
    using (id in (select s.org_id from public.staff as s where s.person = (select auth.uid())));

create policy "staff see themselves"
    on public.staff
    for select
    to authenticated
    using (person = (select auth.uid()));

create or replace function public.new_staff()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.staff (person, org_id)
    select new.id, coalesce(
        (
            select o.id from public.organizations as o
            where o.id::text = new.raw_user_meta_data ->> 'org_id'
        ),
        1
    )
    on conflict (person) do nothing;
    return new;
end;
$$;

create or replace trigger zz_new_staff
    after insert on auth.users
    for each row
    execute function public.new_staff();
-- mended:
create or replace function public.new_staff()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.staff (person, org_id) values (new.id, 1)
    on conflict (person) do nothing;
    return new;
end;
$$;

-- broken: everybody has a team of their own, and says whether they own it
-- cases: signup
-- says: a user who sends is_owner: 'true' at the signup gets it in public\.seats\.is_owner.*policy "owners rename" on public\.teams
create table if not exists public.teams (
    id uuid primary key default gen_random_uuid(),
    name text
);

create table if not exists public.seats (
    user_id uuid primary key references auth.users (id) on delete cascade,
    team_id uuid not null references public.teams (id) on delete cascade,
    is_owner boolean not null default false
);

alter table public.teams enable row level security;
alter table public.seats enable row level security;
revoke all on public.teams, public.seats from anon, authenticated;
grant select on public.seats to authenticated;
grant select, update (name) on public.teams to authenticated;

drop policy if exists "own seat" on public.seats;
create policy "own seat"
    on public.seats
    for select
    to authenticated
    using (user_id = (select auth.uid()));

drop policy if exists "owners rename" on public.teams;
create policy "owners rename"
    on public.teams
    to authenticated
    using (
        exists (
            select from public.seats as s
            where s.user_id = (select auth.uid()) and s.team_id = teams.id and s.is_owner
        )
    );

create or replace function public.seat_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    team uuid;
begin
    insert into public.teams (name) values ('New team') returning id into team;

    insert into public.seats (user_id, team_id, is_owner)
    values (new.id, team, coalesce(new.raw_user_meta_data ->> 'is_owner' = 'true', false));

    return new;
end;
$$;

revoke all on function public.seat_new_user() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_seated
    after insert on auth.users
    for each row
    execute function public.seat_new_user();
-- mended:
create or replace function public.seat_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    team uuid;
begin
    insert into public.teams (name) values ('New team') returning id into team;

    insert into public.seats (user_id, team_id, is_owner)
    values (new.id, team, true);

    return new;
end;
$$;
