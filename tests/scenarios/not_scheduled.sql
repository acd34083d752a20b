-- base: monitored
-- broken: nobody calls it
-- says: no job in cron.job runs public.record_user_sync_metrics\(\) every day
select cron.unschedule('user-sync');
-- mended: as told

-- broken: once a week
-- says: every day, only “0 2 \* \* 1”
select cron.schedule('user-sync', '0 2 * * 1', 'select public.record_user_sync_metrics()');
-- mended: as told

-- broken: a function of another name
-- says: no job in cron.job runs public.record_user_sync_metrics\(\) every day
select cron.schedule('user-sync', '0 2 * * *', 'select public.record_metrics()');
-- mended:
select cron.schedule('user-sync', '@daily', 'do $$ begin perform public.record_user_sync_metrics(); end $$');
