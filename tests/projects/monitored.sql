-- A profile with monitoring: lists, a count, a quality check, a daily record in a log of 90 days, and
-- an alert.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    email_verified boolean not null default false,
    created_at timestamptz not null default now()
);

alter table public.profiles enable row level security;
revoke all on public.profiles from anon, authenticated;
grant select on public.profiles to authenticated;

drop policy if exists "own profile" on public.profiles;
create policy "own profile"
    on public.profiles
    for select
    to authenticated
    using (id = (select auth.uid()));

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, created_at)
    values (new.id, new.email, coalesce(new.created_at, now()))
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
    update public.profiles
    set
        email = case when new.deleted_at is null then new.email end,
        email_verified = new.deleted_at is null and new.email_confirmed_at is not null
    where id = new.id;

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
        or old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.update_profile();


create table if not exists public.user_sync_monitoring_log (
    id uuid primary key default gen_random_uuid(),
    auth_users_count bigint,
    public_users_count bigint,
    ghost_users_count bigint,
    orphaned_profiles_count bigint,
    discrepancy_count bigint,
    sync_status text not null,
    trigger_enabled boolean not null,
    alert_sent boolean not null default false,
    alert_reason text,
    checked_at timestamptz not null default now()
);

alter table public.user_sync_monitoring_log enable row level security;
revoke all on public.user_sync_monitoring_log from anon, authenticated;

create or replace function public.check_ghost_users()
    returns table (
        auth_user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select au.id, au.email, au.created_at, extract(day from now() - au.created_at)::integer
    from auth.users as au
    where not exists (select from public.profiles as p where p.id = au.id)
    order by au.created_at desc nulls last, au.id;
$$;

create or replace function public.check_orphaned_profiles()
    returns table (
        user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select p.id, p.email::varchar, p.created_at, extract(day from now() - p.created_at)::integer
    from public.profiles as p
    where not exists (select from auth.users as au where au.id = p.id)
    order by p.created_at desc, p.id;
$$;

create or replace function public.get_user_sync_stats()
    returns table (
        metric text,
        value bigint,
        status text,
        last_checked timestamptz
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with counted as (
        select
            count(au.id) as users,
            count(p.id) as profiles,
            count(*) filter (where p.id is null) as ghosts,
            count(*) filter (where au.id is null) as orphans
        from auth.users as au
        full join public.profiles as p on p.id = au.id
    )
    select m.metric, m.value, case when m.value = 0 or m.harm = 'ok' then 'ok' else m.harm end, now()
    from counted as c
    cross join lateral (
        values
            (1, 'auth_users_total', c.users, 'ok'),
            (2, 'public_users_total', c.profiles, 'ok'),
            (3, 'ghost_users', c.ghosts, 'error'),
            (4, 'orphaned_profiles', c.orphans, 'warning'),
            (5, 'sync_discrepancy', c.ghosts + c.orphans, 'error')
    ) as m (place, metric, value, harm)
    order by m.place;
$$;

create or replace function public.run_user_sync_quality_check()
    returns table (
        check_name text,
        passed boolean,
        issue_count bigint,
        severity text,
        message text
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with found as (
        select
            max(s.value) filter (where s.metric = 'ghost_users') as ghosts,
            max(s.value) filter (where s.metric = 'orphaned_profiles') as orphans,
            (
                select count(*)
                from pg_catalog.pg_trigger as t
                where
                    t.tgrelid = pg_catalog.to_regclass('auth.users')
                    and t.tgfoid = pg_catalog.to_regprocedure('public.create_profile()')
                    and t.tgname = 'on_auth_user_created'
                    and t.tgenabled in ('O', 'A')
                    and t.tgqual is null
                    and t.tgtype & 7 = 5
            ) as triggers
        from public.get_user_sync_stats() as s
    )
    select c.name, c.issues = 0, c.issues, c.severity, c.issues || c.message
    from found as f
    cross join lateral (
        values
            (1, 'ghost_users_check', f.ghosts, 'critical', ' users without a profile'),
            (2, 'orphaned_profiles_check', f.orphans, 'warning', ' profiles without a user'),
            (3, 'count_parity_check', f.ghosts + f.orphans, 'critical', ' without counterpart'),
            (4, 'trigger_exists_check', 1 - f.triggers, 'critical', ' triggers out of order')
    ) as c (place, name, issues, severity, message)
    order by c.place;
$$;

create or replace function public.record_user_sync_metrics()
    returns uuid
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    users bigint;
    profiles bigint;
    ghosts bigint;
    orphans bigint;
    works boolean;
    verdict text;
    log_id uuid;
begin
    select
        max(s.value) filter (where s.metric = 'auth_users_total'),
        max(s.value) filter (where s.metric = 'public_users_total'),
        max(s.value) filter (where s.metric = 'ghost_users'),
        max(s.value) filter (where s.metric = 'orphaned_profiles')
    into users, profiles, ghosts, orphans
    from public.get_user_sync_stats() as s;

    select c.passed
    into works
    from public.run_user_sync_quality_check() as c
    where c.check_name = 'trigger_exists_check';

    verdict := case
        when ghosts > 0 or works is not true then 'critical'
        when orphans > 0 then 'degraded'
        else 'healthy'
    end;

    insert into public.user_sync_monitoring_log (
        auth_users_count,
        public_users_count,
        ghost_users_count,
        orphaned_profiles_count,
        discrepancy_count,
        sync_status,
        trigger_enabled,
        alert_sent,
        alert_reason
    )
    values (
        users,
        profiles,
        ghosts,
        orphans,
        ghosts + orphans,
        verdict,
        works is true,
        verdict <> 'healthy',
        case when verdict <> 'healthy' then format('%s ghosts, %s orphans', ghosts, orphans) end
    )
    returning id into log_id;

    delete from public.user_sync_monitoring_log
    where checked_at < now() - interval '90 days';

    if verdict <> 'healthy' then
        perform pg_catalog.pg_notify('user_sync_alerts', verdict);
    end if;

    return log_id;
end;
$$;

create or replace function public.get_latest_sync_status()
    returns table (
        status text,
        auth_count bigint,
        public_count bigint,
        ghost_count bigint,
        orphan_count bigint,
        trigger_enabled boolean,
        checked_at timestamptz,
        alert_reason text
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select
        l.sync_status,
        l.auth_users_count,
        l.public_users_count,
        l.ghost_users_count,
        l.orphaned_profiles_count,
        l.trigger_enabled,
        l.checked_at,
        l.alert_reason
    from public.user_sync_monitoring_log as l
    order by l.checked_at desc, l.id
    limit 1;
$$;

create or replace function public.get_sync_status_history(days integer default 30)
    returns table (
        date date,
        auth_users_count bigint,
        public_users_count bigint,
        ghost_users_count bigint,
        orphaned_profiles_count bigint,
        sync_status text
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select
        (l.checked_at at time zone 'utc')::date,
        l.auth_users_count,
        l.public_users_count,
        l.ghost_users_count,
        l.orphaned_profiles_count,
        l.sync_status
    from public.user_sync_monitoring_log as l
    where l.checked_at >= now() - days * interval '1 day'
    order by l.checked_at desc, l.id;
$$;

revoke execute
    on function
        public.check_ghost_users(),
        public.check_orphaned_profiles(),
        public.get_user_sync_stats(),
        public.run_user_sync_quality_check(),
        public.record_user_sync_metrics(),
        public.get_latest_sync_status(),
        public.get_sync_status_history(integer)
    from public, anon, authenticated;

create extension if not exists pg_cron;
select cron.schedule('user-sync', '0 2 * * *', 'select public.record_user_sync_metrics()');
