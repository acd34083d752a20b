-- Monitoring of the user sync: what is wrong now, and a log of what was wrong when.
--
-- Kept as it was reviewed. The trigger is looked up by its name alone, parity compares two totals, soft-deleted
-- profiles count as healthy, nothing deletes old log rows, nothing runs the daily check, and who may call the
-- functions is left to the default privileges.
--
-- The functions are security definer because auth.users is closed to the roles that call them; their
-- search_path = public is the setting that was reviewed.

create table public.user_sync_monitoring_log (
    id uuid primary key default gen_random_uuid(),
    auth_users_count bigint not null,
    public_users_count bigint not null,
    ghost_users_count bigint not null,
    orphaned_profiles_count bigint not null,
    discrepancy_count bigint not null,
    -- healthy: nothing to do; degraded: look soon; critical: users are locked out of the app
    sync_status text not null check (sync_status in ('healthy', 'degraded', 'critical')),
    trigger_enabled boolean not null,
    alert_sent boolean not null default false,
    alert_reason text,
    checked_at timestamptz not null default now(),
    created_at timestamptz not null default now()
);

comment on table public.user_sync_monitoring_log is 'State of the user sync over time; retention 90 days.';

create index user_sync_monitoring_log_checked_at_idx
    on public.user_sync_monitoring_log (checked_at desc);


create or replace function public.check_ghost_users()
    returns table (
        auth_user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = public
    language sql
    stable
as $$
    select
        au.id,
        au.email,
        au.created_at,
        extract(day from now() - au.created_at)::integer
    from auth.users as au
    left join public.users as pu on pu.id = au.id
    where pu.id is null
    order by au.created_at desc, au.id;
$$;

comment on function public.check_ghost_users()
    is 'Users of auth.users without a row in public.users, newest first.';


create or replace function public.check_orphaned_profiles()
    returns table (
        user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = public
    language sql
    stable
as $$
    select
        pu.id,
        pu.email,
        pu.created_at,
        extract(day from now() - pu.created_at)::integer
    from public.users as pu
    left join auth.users as au on au.id = pu.id
    where au.id is null
    order by pu.created_at desc, pu.id;
$$;

comment on function public.check_orphaned_profiles()
    is 'Rows of public.users without a user in auth.users, newest first.';


create or replace function public.get_user_sync_stats()
    returns table (
        metric text,
        value bigint,
        status text,
        last_checked timestamptz
    )
    security definer
    set search_path = public
    language plpgsql
    stable
as $$
declare
    auth_total bigint;
    public_total bigint;
    ghost_total bigint;
    orphan_total bigint;
begin
    select count(*) into auth_total from auth.users;
    select count(*) into public_total from public.users;
    select count(*) into ghost_total from public.check_ghost_users();
    select count(*) into orphan_total from public.check_orphaned_profiles();

    return query
    values
        ('auth_users_total', auth_total, 'ok', now()),
        ('public_users_total', public_total, 'ok', now()),
        ('ghost_users', ghost_total, case when ghost_total = 0 then 'ok' else 'error' end, now()),
        ('orphaned_profiles', orphan_total, case when orphan_total = 0 then 'ok' else 'warning' end, now()),
        (
            'sync_discrepancy',
            abs(auth_total - public_total),
            case when auth_total = public_total then 'ok' else 'error' end,
            now()
        );
end;
$$;

comment on function public.get_user_sync_stats()
    is 'Totals of both tables, ghosts, orphans and the difference of the totals.';


create or replace function public.run_user_sync_quality_check()
    returns table (
        check_name text,
        passed boolean,
        issue_count bigint,
        severity text,
        message text
    )
    security definer
    set search_path = public
    language plpgsql
    stable
as $$
declare
    ghost_total bigint;
    orphan_total bigint;
    discrepancy bigint;
    trigger_active boolean;
begin
    select count(*) into ghost_total from public.check_ghost_users();
    select count(*) into orphan_total from public.check_orphaned_profiles();

    select stats.value
    into discrepancy
    from public.get_user_sync_stats() as stats
    where stats.metric = 'sync_discrepancy';

    select exists (
        select 1
        from pg_catalog.pg_trigger
        where tgname = 'on_auth_user_created'
        and tgenabled = 'O'
    )
    into trigger_active;

    return query
    values
        (
            'ghost_users_check',
            ghost_total = 0,
            ghost_total,
            'critical',
            case
                when ghost_total = 0 then 'No ghost users'
                else format('%s users in auth.users have no row in public.users', ghost_total)
            end
        ),
        (
            'orphaned_profiles_check',
            orphan_total = 0,
            orphan_total,
            'warning',
            case
                when orphan_total = 0 then 'No orphaned profiles'
                else format('%s rows of public.users have no user in auth.users', orphan_total)
            end
        ),
        (
            'count_parity_check',
            discrepancy = 0,
            discrepancy,
            'critical',
            case
                when discrepancy = 0 then 'auth.users and public.users have the same number of rows'
                else format('auth.users and public.users differ by %s rows', discrepancy)
            end
        ),
        (
            'trigger_exists_check',
            trigger_active,
            case when trigger_active then 0::bigint else 1::bigint end,
            'critical',
            case
                when trigger_active then 'Trigger on_auth_user_created exists and is enabled'
                else 'Trigger on_auth_user_created is missing or disabled'
            end
        );
end;
$$;

comment on function public.run_user_sync_quality_check()
    is 'The four quality checks of the user sync, one row each.';


create or replace function public.record_user_sync_metrics()
    returns uuid
    security definer
    set search_path = public
    language plpgsql
as $$
declare
    auth_total bigint;
    public_total bigint;
    ghost_total bigint;
    orphan_total bigint;
    discrepancy bigint;
    trigger_active boolean;
    current_status text;
    reason text;
    log_id uuid;
begin
    select
        max(stats.value) filter (where stats.metric = 'auth_users_total'),
        max(stats.value) filter (where stats.metric = 'public_users_total'),
        max(stats.value) filter (where stats.metric = 'ghost_users'),
        max(stats.value) filter (where stats.metric = 'orphaned_profiles'),
        max(stats.value) filter (where stats.metric = 'sync_discrepancy')
    into auth_total, public_total, ghost_total, orphan_total, discrepancy
    from public.get_user_sync_stats() as stats;

    select checks.passed
    into trigger_active
    from public.run_user_sync_quality_check() as checks
    where checks.check_name = 'trigger_exists_check';

    current_status := case
        when not trigger_active or ghost_total > 0 then 'critical'
        when orphan_total > 0 or discrepancy > 0 then 'degraded'
        else 'healthy'
    end;

    if current_status <> 'healthy' then
        reason := concat_ws(
            '; ',
            case when not trigger_active then 'trigger missing or disabled' end,
            case when ghost_total > 0 then format('%s ghost users', ghost_total) end,
            case when orphan_total > 0 then format('%s orphaned profiles', orphan_total) end,
            case when discrepancy > 0 then format('totals differ by %s', discrepancy) end
        );
    end if;

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
        auth_total,
        public_total,
        ghost_total,
        orphan_total,
        discrepancy,
        current_status,
        trigger_active,
        current_status <> 'healthy',
        reason
    )
    returning id into log_id;

    if current_status <> 'healthy' then
        perform pg_catalog.pg_notify(
            'user_sync_alerts',
            json_build_object('id', log_id, 'status', current_status, 'reason', reason)::text
        );

        raise warning 'User sync is %: %', current_status, reason;
    end if;

    return log_id;
end;
$$;

comment on function public.record_user_sync_metrics()
    is 'Records the state of the sync, raises an alert when it is not healthy, and returns the id of the record.';


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
    set search_path = public
    language sql
    stable
as $$
    select
        log.sync_status,
        log.auth_users_count,
        log.public_users_count,
        log.ghost_users_count,
        log.orphaned_profiles_count,
        log.trigger_enabled,
        log.checked_at,
        log.alert_reason
    from public.user_sync_monitoring_log as log
    order by log.checked_at desc, log.id
    limit 1;
$$;

comment on function public.get_latest_sync_status()
    is 'The newest record of the monitoring log.';


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
    set search_path = public
    language sql
    stable
as $$
    select
        log.checked_at::date,
        log.auth_users_count,
        log.public_users_count,
        log.ghost_users_count,
        log.orphaned_profiles_count,
        log.sync_status
    from public.user_sync_monitoring_log as log
    where log.checked_at >= now() - days * interval '1 day'
    order by log.checked_at desc, log.id;
$$;

comment on function public.get_sync_status_history(integer)
    is 'The records of the last days, newest first.';
