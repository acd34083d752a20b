-- base: monitored
-- broken: the log says that an alert was sent
-- says: with a ghost, .* sends no alert, but records that an alert was sent
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

    return log_id;
end;
$$;
-- mended: as told

-- broken: good news every day
-- says: with all users in sync, .* sends an alert \(notifications on user_sync_alerts\)
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

    perform pg_catalog.pg_notify('user_sync_alerts', verdict);

    return log_id;
end;
$$;
-- mended: as told

-- broken: one for each problem
-- says: with a ghost and an orphan, .* sends 2 notifications on user_sync_alerts
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

    if ghosts > 0 then
        perform pg_catalog.pg_notify('user_sync_alerts', 'ghosts');
    end if;

    if orphans > 0 then
        perform pg_catalog.pg_notify('user_sync_alerts', 'orphans');
    end if;

    if works is not true then
        perform pg_catalog.pg_notify('user_sync_alerts', 'trigger');
    end if;

    return log_id;
end;
$$;
-- mended:
create table public.user_sync_alerts (
    id bigint generated always as identity primary key,
    reason text not null
);
alter table public.user_sync_alerts enable row level security;
revoke all on public.user_sync_alerts from anon, authenticated;

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
        insert into public.user_sync_alerts (reason) values (verdict);
    end if;

    return log_id;
end;
$$;
