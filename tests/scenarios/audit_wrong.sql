-- broken: the failure is logged, and raised again
-- base: plain
-- says: public.backfill_log has no row for this run: the row is rolled back
-- also: US405 US407
create table public.backfill_log (
    id bigint generated always as identity primary key,
    status text not null,
    users_filled bigint not null default 0,
    message text
);
alter table public.backfill_log enable row level security;
revoke all on public.backfill_log from anon, authenticated;

create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    filled bigint;
begin
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    get diagnostics filled = row_count;
    insert into public.backfill_log (status, users_filled) values ('completed', filled);
exception
    when others then
        insert into public.backfill_log (status, message) values ('failed', sqlerrm);
        raise;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    filled bigint;
begin
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    get diagnostics filled = row_count;
    insert into public.backfill_log (status, users_filled) values ('completed', filled);
exception
    when others then
        insert into public.backfill_log (status, message) values ('failed', sqlerrm);
        raise warning 'The backfill failed: %', sqlerrm;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;

-- broken: the count is taken of all who have a profile
-- base: plain
-- says: users_filled = 3 into public.backfill_log when it fills 3 ghosts, but 8 when it fills 5
-- also: US405 US407
create table public.backfill_log (
    id bigint generated always as identity primary key,
    status text not null,
    users_filled bigint not null default 0,
    message text
);
alter table public.backfill_log enable row level security;
revoke all on public.backfill_log from anon, authenticated;

create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    filled bigint;
begin
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    select count(*) into filled from public.profiles;
    insert into public.backfill_log (status, users_filled) values ('completed', filled);
exception
    when others then
        insert into public.backfill_log (status, message) values ('failed', sqlerrm);
        raise warning 'The backfill failed: %', sqlerrm;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    filled bigint;
begin
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    get diagnostics filled = row_count;
    insert into public.backfill_log (status, users_filled) values ('completed', filled);
exception
    when others then
        insert into public.backfill_log (status, message) values ('failed', sqlerrm);
        raise warning 'The backfill failed: %', sqlerrm;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;

-- broken: what failed is logged as completed
-- base: plain
-- says: looks like a successful run|fills no user, but writes users_filled
-- also: US405 US407
create table public.backfill_log (
    id bigint generated always as identity primary key,
    status text not null,
    users_filled bigint not null default 0,
    message text
);
alter table public.backfill_log enable row level security;
revoke all on public.backfill_log from anon, authenticated;

create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    ghosts bigint;
begin
    select count(*)
    into ghosts
    from auth.users as u
    where u.deleted_at is null and not exists (
        select
        from public.profiles as p
        where p.id = u.id
    );

    begin
        insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
        select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
        from auth.users as u
        where u.deleted_at is null
        on conflict (id) do nothing;
    exception
        when others then
            raise warning 'The backfill failed: %', sqlerrm;
    end;

    insert into public.backfill_log (status, users_filled) values ('completed', ghosts);
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    filled bigint;
begin
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    get diagnostics filled = row_count;
    insert into public.backfill_log (status, users_filled) values ('completed', filled);
exception
    when others then
        insert into public.backfill_log (status, message) values ('failed', sqlerrm);
        raise warning 'The backfill failed: %', sqlerrm;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
