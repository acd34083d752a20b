-- Records the state of the user sync every day at 02:00 UTC, where the server has pg_cron. Elsewhere something else
-- has to call {schema}.record_user_sync_metrics() once a day.

do $$
begin
    if not exists (
        select
        from pg_catalog.pg_available_extensions
        where name = 'pg_cron'
    ) then
        raise notice 'There is no pg_cron here: call {schema}.record_user_sync_metrics() once a day';
        return;
    end if;

    create extension if not exists pg_cron;

    perform cron.schedule(
        'record-user-sync-metrics',
        '0 2 * * *',
        'select {schema}.record_user_sync_metrics()'
    );
end;
$$;
