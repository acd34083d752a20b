-- base: monitored
-- broken: a row a day
-- says: records wrongly: 0 rows instead of one
insert into public.user_sync_monitoring_log (sync_status, trigger_enabled) values ('healthy', true);
create unique index one_a_day
    on public.user_sync_monitoring_log (((checked_at at time zone 'utc')::date));

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
    on conflict do nothing
    returning id into log_id;

    delete from public.user_sync_monitoring_log
    where checked_at < now() - interval '90 days';

    if verdict <> 'healthy' then
        perform pg_catalog.pg_notify('user_sync_alerts', verdict);
    end if;

    return log_id;
end;
$$;
-- mended: as told

-- broken: ghosts and orphans change places
-- says: with a ghost, .* ghost_users_count is 0 instead of 1, orphaned_profiles_count is 1 instead of 0
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
        orphans,
        ghosts,
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
-- mended: as told

-- broken: the clock on the wall
-- says: checked_at is
alter table public.user_sync_monitoring_log
    alter column checked_at set default now() at time zone 'utc';
-- mended: as told

-- broken: the latest status is of the first day
-- says: get_latest_sync_status\(\) says values that differ from the last record
insert into public.user_sync_monitoring_log (sync_status, trigger_enabled, checked_at)
values ('healthy', true, now() - interval '1 day');
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
    order by l.checked_at, l.id
    limit 1;
$$;
-- mended:
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

-- broken: a history of local days
-- says: in the time zone .* shows only \d of the 4 records of the last 30 days
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
    select distinct on (l.checked_at::date)
        l.checked_at::date,
        l.auth_users_count,
        l.public_users_count,
        l.ghost_users_count,
        l.orphaned_profiles_count,
        l.sync_status
    from public.user_sync_monitoring_log as l
    where l.checked_at >= now() - days * interval '1 day'
    order by l.checked_at::date desc, l.checked_at desc;
$$;
-- mended:
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
