-- Takes the user sync away: its triggers and functions, monitoring, backfill and schedule. Profiles stay, and so does
-- every row that was written: the audit log, the monitoring log and the recorded failures.
--
--     psql -v ON_ERROR_STOP=1 -f rollback.sql "$DATABASE_URL"
--
-- From then on a new user is a ghost. It can be run again, and it waits for no more than a few seconds: sign-ins queue
-- behind it while it waits.

begin;

set local lock_timeout = '4s';

do $$
begin
    if pg_catalog.to_regclass('cron.job') is not null then
        perform cron.unschedule(jobid)
        from cron.job
        where jobname = 'record-user-sync-metrics';
    end if;
end;
$$;

drop trigger if exists on_auth_user_soft_deleted on auth.users;
drop trigger if exists on_auth_user_updated on auth.users;
drop trigger if exists on_auth_user_created on auth.users;

drop function if exists
    public.handle_new_user(),
    public.handle_user_update(),
    public.handle_user_soft_delete();

drop procedure if exists public.backfill_ghost_users(integer, boolean);

drop function if exists
    public.start_backfill(boolean),
    public.fill_or_set_aside(uuid[]),
    public.fill_ghost_users(uuid[]),
    public.set_ghost_user_aside(uuid, text, text, text),
    public.record_user_sync_metrics(),
    public.run_user_sync_quality_check(),
    public.get_user_sync_stats(),
    public.check_ghost_users(),
    public.check_orphaned_profiles(),
    public.check_soft_deleted_profiles(),
    public.get_latest_sync_status(),
    public.get_sync_status_history(integer),
    public.user_sync_trigger_status();

drop table if exists public.user_sync_settings;

commit;
