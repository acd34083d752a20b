-- Verifies the user sync of {table}: one row for each point, PASS or FAIL, and an error at the end when a point fails.
--
--     psql -v ON_ERROR_STOP=1 -f verify-trigger.sql "$DATABASE_URL"
--
-- Run it as the role that ran the migrations. A user is signed up to see what becomes of it, and taken back.

drop table if exists pg_temp.user_sync_verification;

create temporary table user_sync_verification (
    place integer generated always as identity primary key,
    point text not null,
    result text not null check (result in ('PASS', 'FAIL')),
    detail text not null
);


do $$
declare
    trigger_status constant text := {schema}.user_sync_trigger_status();
    ghosts bigint;
    orphans bigint;
    backfill text;
    open_functions text;
begin
    insert into pg_temp.user_sync_verification (point, result, detail)
    values ('the trigger is active', case when trigger_status = 'active' then 'PASS' else 'FAIL' end, trigger_status);

    select
        count(*) filter (where pu.{key} is null{and_wanted}),
        count(*) filter (where au.id is null)
    into ghosts, orphans
    from
        auth.users as au
        full join {table} as pu
            on pu.{key} = {au_id};

    insert into pg_temp.user_sync_verification (point, result, detail)
    values
        ('no ghost users', case when ghosts = 0 then 'PASS' else 'FAIL' end, format('%s found', ghosts)),
        ('no orphaned profiles', case when orphans = 0 then 'PASS' else 'FAIL' end, format('%s found', orphans));

    select format('%s at %s', l.status, l.started_at)
    into backfill
    from {schema}.cleanup_audit_log as l
    where l.job_name = 'backfill_ghost_users'
    order by
        l.started_at desc,
        l.created_at desc
    limit 1;

    insert into pg_temp.user_sync_verification (point, result, detail)
    values (
        'the last backfill was completed',
        case when backfill like 'completed%' then 'PASS' else 'FAIL' end,
        coalesce(backfill, 'there was none')
    );

    select string_agg(p.oid::pg_catalog.regprocedure::text, ', ' order by p.proname)
    into open_functions
    from pg_catalog.pg_proc as p
    where
        p.pronamespace = '{schema}'::pg_catalog.regnamespace
        and p.proname in (
            'check_ghost_users',
            'check_orphaned_profiles',
            'get_user_sync_stats',
            'run_user_sync_quality_check',
            'record_user_sync_metrics',
            'get_latest_sync_status',
            'get_sync_status_history'
        )
        and (
            pg_catalog.has_function_privilege('anon', p.oid, 'execute')
            or pg_catalog.has_function_privilege('authenticated', p.oid, 'execute')
        );

    insert into pg_temp.user_sync_verification (point, result, detail)
    values (
        'monitoring is closed to the app''s users',
        case when open_functions is null then 'PASS' else 'FAIL' end,
        coalesce(open_functions, 'no function is open')
    );
end;
$$;


do $$
declare
    failing text;
begin
    select string_agg(c.check_name || ': ' || c.message, '; ' order by c.check_name)
    into failing
    from {schema}.run_user_sync_quality_check() as c
    where not c.passed;

    insert into pg_temp.user_sync_verification (point, result, detail)
    values (
        'every quality check passes',
        case when failing is null then 'PASS' else 'FAIL' end,
        coalesce(failing, 'all of them')
    );
exception
    when others then
        insert into pg_temp.user_sync_verification (point, result, detail)
        values ('every quality check passes', 'FAIL', sqlerrm);
end;
$$;


do $$
declare
    said text := 'left a profile';
    written boolean := false;
begin
    begin
        insert into auth.users (
            id,
            instance_id,
            aud,
            role,
            email,
            raw_app_meta_data,
            raw_user_meta_data,
            created_at,
            updated_at
        )
        values (
            'ffffffff-ffff-4fff-bfff-fffffffffffe',
            '00000000-0000-0000-0000-000000000000',
            'authenticated',
            '',
            'verify-trigger@example.invalid',
            '{"provider": "email", "providers": ["email"]}',
            {metadata},
            now(),
            now()
        );

        -- what waits for the commit is done now
        set constraints all immediate;

        written := exists (
            select
            from {table} as pu
            where pu.{key} = 'ffffffff-ffff-4fff-bfff-fffffffffffe'
        );

        raise exception 'taken back' using errcode = 'VTRIG';
    exception
        when sqlstate 'VTRIG' then
            said := case when written then said else 'left no profile' end;
        when others then
            said := 'was refused: ' || sqlerrm;
    end;

    insert into pg_temp.user_sync_verification (point, result, detail)
    values ('a signup', case when written then 'PASS' else 'FAIL' end, said);
end;
$$;


select
    point,
    result,
    detail
from pg_temp.user_sync_verification
order by place;


do $$
declare
    failed bigint;
begin
    select count(*)
    into failed
    from pg_temp.user_sync_verification
    where result = 'FAIL';

    if failed > 0 then
        raise exception 'The user sync is not as it should be: % points failed', failed;
    end if;
end;
$$;
