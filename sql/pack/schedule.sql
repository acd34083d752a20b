-- Records the state of the user sync every day at 02:00 UTC, where the server has pg_cron. Elsewhere something else
-- has to call {schema}.record_user_sync_metrics() once a day.

do $$
begin
    -- it may be unknown to the server, or known and not loaded when the server started
    begin
        create extension if not exists pg_cron;
    exception
        when others then
            raise notice 'There is no pg_cron here (%): call {schema}.record_user_sync_metrics() once a day', sqlerrm;
            return;
    end;

    perform cron.schedule(
        'record-user-sync-metrics',
        '0 2 * * *',
        'select {schema}.record_user_sync_metrics()'
    );
end;
$$;
