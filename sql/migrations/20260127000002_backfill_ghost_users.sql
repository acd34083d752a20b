-- The backfill: users who signed up before the trigger existed get their rows in public.users.
--
-- Kept as it was reviewed. One user without email stops the backfill of all; and since the error is raised again, the
-- row that logs the failure is rolled back with everything else.

do $$
declare
    started constant timestamptz := clock_timestamp();
    ghost_user_count integer;
    backfilled_count integer;
begin
    select count(*)
    into ghost_user_count
    from auth.users as au
    left join public.users as pu on pu.id = au.id
    where pu.id is null;

    raise notice 'Found % ghost users to backfill', ghost_user_count;

    insert into public.users (
        id,
        email,
        email_verified,
        created_at,
        updated_at
    )
    select
        au.id,
        au.email,
        coalesce(au.email_confirmed_at is not null, false) as email_verified,
        coalesce(au.created_at, now()) as created_at,
        now() as updated_at
    from auth.users as au
    left join public.users as pu on pu.id = au.id
    where pu.id is null
    on conflict (id) do nothing;

    get diagnostics backfilled_count = row_count;

    perform public.log_cleanup_job(
        'backfill_ghost_users',
        'backfill',
        'completed',
        backfilled_count,
        (extract(epoch from clock_timestamp() - started) * 1000)::bigint
    );

    raise notice 'Successfully backfilled % ghost users', backfilled_count;
exception
    when others then
        raise notice 'Error during backfill: %', sqlerrm;

        -- log the failure
        perform public.log_cleanup_job(
            'backfill_ghost_users',
            'backfill',
            'failed',
            0,
            (extract(epoch from clock_timestamp() - started) * 1000)::bigint,
            sqlerrm
        );

        raise;
end;
$$;
