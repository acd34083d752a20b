-- base: monitored
-- broken: endpoints of the API
-- cases: anon another-user
-- says: ghost users \(public.check_ghost_users\(\)\), the monitoring log \(public.get_latest_sync_status\(\)\)
grant execute
    on function public.check_ghost_users(), public.get_latest_sync_status()
    to public;
-- mended: as told

-- broken: a log that everybody who is signed in reads
-- cases: another-user
-- says: any signed-in user can list the monitoring log \(public.user_sync_monitoring_log\)
grant select on public.user_sync_monitoring_log to authenticated;
create policy "status page"
    on public.user_sync_monitoring_log
    for select
    to authenticated
    using (true);
-- mended: as told

-- broken: a view for the dashboard
-- cases: anon another-user
-- says: can list ghost users \(public.ghosts\)
create view public.ghosts as
    select au.id, au.email
    from auth.users as au
    where not exists (select from public.profiles as p where p.id = au.id);
-- mended:
drop view public.ghosts;
