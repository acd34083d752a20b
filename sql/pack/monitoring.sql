-- Monitoring: how many users and profiles there are, who has no counterpart, and whether the trigger is active. Totals,
-- ghosts and orphans come from one pass over both tables and one snapshot; a ghost and an orphan do not make up for
-- each other; a check that fails is itself an alert. Alerts go out on the channel user_sync_alerts.

create table {schema}.user_sync_monitoring_log (
    id uuid primary key default gen_random_uuid(),
    auth_users_count bigint,
    public_users_count bigint,
    ghost_users_count bigint,
    orphaned_profiles_count bigint,
    discrepancy_count bigint,
    sync_status text not null check (sync_status in ('healthy', 'degraded', 'critical')),
    trigger_enabled boolean not null,
    alert_sent boolean not null default false,
    alert_reason text,
    checked_at timestamptz not null default now(),
    created_at timestamptz not null default now()
);

comment on table {schema}.user_sync_monitoring_log is 'The state of the user sync, one row a check; 90 days are kept.';
comment on column {schema}.user_sync_monitoring_log.auth_users_count is 'Null, as all counts, when the check failed.';

create index user_sync_monitoring_log_checked_at_idx
    on {schema}.user_sync_monitoring_log (checked_at);

alter table {schema}.user_sync_monitoring_log enable row level security;

revoke all
    on {schema}.user_sync_monitoring_log
    from anon, authenticated;


create function {schema}.check_ghost_users()
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
    select
        au.id,
        au.email,
        au.created_at,
        extract(day from now() - au.created_at)::integer
    from auth.users as au
    where not exists (
        select
        from {table} as pu
        where pu.{key} = {au_id}
    ){wanted_only}
    order by
        au.created_at desc nulls last,
        au.id;
$$;


create function {schema}.check_orphaned_profiles()
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
    select
        {profile_id},
        {profile_email},
        {profile_created},
        extract(day from now() - {profile_created})::integer
    from {table} as pu
    where not exists (
        select
        from auth.users as au
        where {au_id} = pu.{key}
    )
    order by
        {profile_created} desc nulls last,
        pu.{key};
$$;


create function {schema}.get_user_sync_stats()
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
            count(au.id) as auth_total,
            count(pu.{key}) as public_total,
            count(*) filter (where pu.{key} is null{and_wanted}) as ghosts,
            count(*) filter (where au.id is null) as orphans
        from
            auth.users as au
            full join {table} as pu
                on pu.{key} = {au_id}
    )
    select
        m.metric,
        m.value,
        m.status,
        now()
    from
        counted as c
        cross join lateral (
            values
                (1, 'auth_users_total', c.auth_total, 'ok'),
                (2, 'public_users_total', c.public_total, 'ok'),
                (3, 'ghost_users', c.ghosts, case when c.ghosts = 0 then 'ok' else 'error' end),
                (4, 'orphaned_profiles', c.orphans, case when c.orphans = 0 then 'ok' else 'warning' end),
                (
                    5,
                    'sync_discrepancy',
                    c.ghosts + c.orphans,
                    case
                        when c.ghosts > 0 then 'error'
                        when c.orphans > 0 then 'warning'
                        else 'ok'
                    end
                )
        ) as m (place, metric, value, status)
    order by m.place;
$$;

comment on function {schema}.get_user_sync_stats()
    is 'Totals of both tables, ghosts, orphans, and how many rows of either have no counterpart.';


create function {schema}.run_user_sync_quality_check()
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
            max(s.value) filter (where s.metric = 'sync_discrepancy') as unpaired,
            {schema}.user_sync_trigger_status() as trigger_status
        from {schema}.get_user_sync_stats() as s
    )
    select
        c.check_name,
        c.issue_count = 0,
        c.issue_count,
        c.severity,
        c.message
    from
        found as f
        cross join lateral (
            values
                (
                    1,
                    'ghost_users_check',
                    f.ghosts,
                    'critical',
                    format('%s users in auth.users have no row in {table}', f.ghosts)
                ),
                (
                    2,
                    'orphaned_profiles_check',
                    f.orphans,
                    'warning',
                    format('%s rows of {table} have no user in auth.users', f.orphans)
                ),
                (
                    3,
                    'count_parity_check',
                    f.unpaired,
                    'critical',
                    format('%s rows of auth.users and {table} have no counterpart', f.unpaired)
                ),
                (
                    4,
                    'trigger_exists_check',
                    case when f.trigger_status = 'active' then 0 else 1 end,
                    'critical',
                    format('The trigger on auth.users that writes {table} is %s', f.trigger_status)
                )
        ) as c (place, check_name, issue_count, severity, message)
    order by c.place;
$$;


create function {schema}.record_user_sync_metrics()
    returns uuid
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    auth_total bigint;
    public_total bigint;
    ghosts bigint;
    orphans bigint;
    trigger_status text;
    failure text;
    current_status text;
    reason text;
    log_id uuid;
begin
    begin
        -- one statement, so one snapshot
        select
            max(s.value) filter (where s.metric = 'auth_users_total'),
            max(s.value) filter (where s.metric = 'public_users_total'),
            max(s.value) filter (where s.metric = 'ghost_users'),
            max(s.value) filter (where s.metric = 'orphaned_profiles'),
            {schema}.user_sync_trigger_status()
        into auth_total, public_total, ghosts, orphans, trigger_status
        from {schema}.get_user_sync_stats() as s;
    exception
        -- one that takes too long has failed, too
        when others or query_canceled then
            failure := sqlerrm;
    end;

    current_status := case
        when failure is not null then 'critical'
        when trigger_status <> 'active' or ghosts > 0 then 'critical'
        when orphans > 0 then 'degraded'
        else 'healthy'
    end;

    reason := nullif(
        concat_ws(
            '; ',
            'the check failed: ' || failure,
            case when trigger_status <> 'active' then 'trigger ' || trigger_status end,
            case when ghosts > 0 then format('%s ghost users', ghosts) end,
            case when orphans > 0 then format('%s orphaned profiles', orphans) end
        ),
        ''
    );

    insert into {schema}.user_sync_monitoring_log (
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
        ghosts,
        orphans,
        ghosts + orphans,
        current_status,
        coalesce(trigger_status = 'active', false),
        current_status <> 'healthy',
        reason
    )
    returning id into log_id;

    delete from {schema}.user_sync_monitoring_log
    where checked_at < now() - interval '90 days';

    if current_status <> 'healthy' then
        perform pg_catalog.pg_notify(
            'user_sync_alerts',
            json_build_object('id', log_id, 'status', current_status, 'reason', left(reason, 4000))::text
        );

        raise warning 'User sync is %: %', current_status, reason;
    end if;

    return log_id;
end;
$$;


create function {schema}.get_latest_sync_status()
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
        log.sync_status,
        log.auth_users_count,
        log.public_users_count,
        log.ghost_users_count,
        log.orphaned_profiles_count,
        log.trigger_enabled,
        log.checked_at,
        log.alert_reason
    from {schema}.user_sync_monitoring_log as log
    order by
        log.checked_at desc,
        log.created_at desc,
        log.id
    limit 1;
$$;


create function {schema}.get_sync_status_history(days integer default 30)
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
        -- the schedule is in UTC, whatever the time zone of who asks
        (log.checked_at at time zone 'utc')::date,
        log.auth_users_count,
        log.public_users_count,
        log.ghost_users_count,
        log.orphaned_profiles_count,
        log.sync_status
    from {schema}.user_sync_monitoring_log as log
    where log.checked_at >= now() - days * interval '1 day'
    order by
        log.checked_at desc,
        log.id;
$$;


-- monitoring reads everybody's address past row level security
revoke execute
    on function
        {schema}.check_ghost_users(),
        {schema}.check_orphaned_profiles(),
        {schema}.get_user_sync_stats(),
        {schema}.run_user_sync_quality_check(),
        {schema}.record_user_sync_metrics(),
        {schema}.get_latest_sync_status(),
        {schema}.get_sync_status_history(integer)
    from public, anon, authenticated;
