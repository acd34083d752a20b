-- Monitoring reads everybody's address past row level security, and the audit log can be written through a function. On
-- Supabase both are open to everyone with the app's public key unless a migration closes them.

revoke execute
    on function
        public.log_cleanup_job(text, text, text, bigint, bigint, text),
        public.user_sync_trigger_status(),
        public.fill_ghost_users(uuid[]),
        public.set_ghost_user_aside(uuid, text, text, text),
        public.fill_or_set_aside(uuid[]),
        public.start_backfill(boolean),
        public.check_ghost_users(),
        public.check_orphaned_profiles(),
        public.check_soft_deleted_profiles(),
        public.get_user_sync_stats(),
        public.run_user_sync_quality_check(),
        public.record_user_sync_metrics(),
        public.get_latest_sync_status(),
        public.get_sync_status_history(integer)
    from public, anon, authenticated;

revoke execute
    on procedure public.backfill_ghost_users(integer, boolean)
    from public, anon, authenticated;


alter table public.cleanup_audit_log enable row level security;
alter table public.user_sync_monitoring_log enable row level security;

revoke all
    on public.cleanup_audit_log, public.user_sync_monitoring_log
    from anon, authenticated;
