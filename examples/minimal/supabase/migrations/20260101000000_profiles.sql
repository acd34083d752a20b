-- One profile for every user of auth.users, and nothing in it that the app does not need.
--
-- Every statement can be run again. The backfill is a migration of its own, and comes after this one: the triggers lock
-- auth.users until they are committed, and then no new user is missed.

create table if not exists public.profiles (
    -- the user's own id, so that a second profile is impossible; the profile goes with the user
    id uuid primary key references auth.users (id) on delete cascade,
    -- null for phone, anonymous and web3 users; not unique, because an SSO user may share an address
    email text,
    phone text,
    email_verified boolean not null default false,
    -- chosen by its owner; keep limits here no stricter than what display_name_from() lets through
    display_name text check (char_length(display_name) <= 80),
    created_at timestamptz not null default now()
);


-- What a profile takes from metadata. The user writes metadata, so it is a wish: never take a role, a plan or a tenant
-- from it, and expect every kind of JSON under every key.
create or replace function public.display_name_from(metadata jsonb)
    returns text
    set search_path = ''
    language sql
    immutable
as $$
    select left(nullif(btrim(metadata ->> 'full_name'), ''), 80)
    where jsonb_typeof(metadata -> 'full_name') = 'string';
$$;


-- Security definer, because Supabase Auth inserts as supabase_auth_admin, which has no rights on the app's tables.
-- An error in here is an error of the signup: that is why no statement below can fail on what a user sends.
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (
        id,
        email,
        phone,
        email_verified,
        display_name,
        created_at
    )
    values (
        new.id,
        new.email,
        new.phone,
        new.email_confirmed_at is not null,
        public.display_name_from(new.raw_user_meta_data),
        coalesce(new.created_at, now())
    )
    on conflict (id) do nothing;

    return null;
end;
$$;


-- Only what mirrors auth.users follows it. The display name belongs to its owner from the signup on.
create or replace function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.deleted_at is not null then
        -- a soft delete: Auth has put hashes in place of email and phone, which must not land here
        update public.profiles
        set
            email = null,
            phone = null,
            email_verified = false,
            display_name = null
        where id = new.id;
    else
        update public.profiles
        set
            email = new.email,
            phone = new.phone,
            email_verified = new.email_confirmed_at is not null
        where id = new.id;
    end if;

    return null;
end;
$$;


create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- Auth never confirms in the insert: even an autoconfirmed user is confirmed by an update, in the same transaction.
-- Every sign-in updates auth.users too; the condition keeps those from rewriting the profile. It stands in place of
-- `update of …`, which looks at the columns that a statement names and not at what changed.
create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.phone is distinct from new.phone
        or (old.email_confirmed_at is null) <> (new.email_confirmed_at is null)
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.update_profile();


-- A trigger function needs no execute right to fire; Supabase grants it to everybody by default.
revoke execute on function public.display_name_from(jsonb) from public, anon, authenticated, service_role;
revoke execute on function public.create_profile() from public, anon, authenticated, service_role;
revoke execute on function public.update_profile() from public, anon, authenticated, service_role;


-- Users see their own row and change their own display name. The policy chooses the row, the grant the column:
-- without it a user could set email_verified.
alter table public.profiles enable row level security;

revoke all on table public.profiles from public, anon, authenticated;
grant select on table public.profiles to authenticated;
grant update (display_name) on table public.profiles to authenticated;
grant all on table public.profiles to service_role;

drop policy if exists "Users read their own profile" on public.profiles;
create policy "Users read their own profile"
    on public.profiles
    for select
    to authenticated
    using ((select auth.uid()) = id);

drop policy if exists "Users update their own profile" on public.profiles;
create policy "Users update their own profile"
    on public.profiles
    for update
    to authenticated
    using ((select auth.uid()) = id)
    with check ((select auth.uid()) = id);
