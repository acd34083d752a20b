-- base: monitored
-- broken: nothing deletes
-- says: a row of public.user_sync_monitoring_log that is 90 days 1 hour old is not deleted
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

    if verdict <> 'healthy' then
        perform pg_catalog.pg_notify('user_sync_alerts', verdict);
    end if;

    return log_id;
end;
$$;
-- mended:
select cron.schedule(
    'user-sync-retention',
    '30 2 * * *',
    $$ delete from public.user_sync_monitoring_log where checked_at < now() - interval '90 days' $$
);

-- broken: a month is enough
-- says: a row of public.user_sync_monitoring_log that is 89 days 23 hours old is already deleted
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
    where checked_at < now() - interval '30 days';

    if verdict <> 'healthy' then
        perform pg_catalog.pg_notify('user_sync_alerts', verdict);
    end if;

    return log_id;
end;
$$;
-- mended: as told
