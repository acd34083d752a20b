-- A signup is never refused: what went wrong is written down, and the user is a ghost until the next backfill.
exception
    when others then
        get stacked diagnostics
            code = returned_sqlstate,
            message = message_text,
            detail = pg_exception_detail;

        insert into {schema}.user_sync_failures (user_id, error_code, error_message, error_detail)
        values (new.id, code, message, nullif(detail, ''))
        on conflict (user_id) do nothing;

        raise warning 'User % has no profile: %', new.id, message;

        return null;
