-- base: monitored
-- broken: a share of nobody
-- says: fails as postgres with all users in sync: division by zero
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
        case when l.public_users_count / l.auth_users_count < 0 then '' else l.sync_status end,
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

-- broken: service_role may call it, and not what it reads
-- says: fails as service_role with all users in sync: permission denied
alter function public.check_ghost_users() security invoker;
-- mended: as told

-- broken: a column that the log has not
-- says: record_user_sync_metrics\(\) fails as postgres .*alert_reasons
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
        alert_reasons
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
-- mended:
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
