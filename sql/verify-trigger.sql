-- Verifies a deployed user sync: one row for each point, PASS or FAIL, and an error at the end when a point fails.
--
--     psql -v ON_ERROR_STOP=1 -f verify-trigger.sql "$DATABASE_URL"
--
-- Run it as the role that ran the migrations. Two users are signed up to see what becomes of them, and taken back.

drop table if exists pg_temp.user_sync_verification;

create temporary table user_sync_verification (
    place integer generated always as identity primary key,
    point text not null,
    result text not null check (result in ('PASS', 'FAIL')),
    detail text not null
);


do $$
declare
    definition text;
    lacking text;
    ghosts bigint;
    orphans bigint;
    stale bigint;
    backfill text;
    open_functions text;
begin
    -- the trigger: its name, its table, its function and its state together, for each alone can deceive
    select coalesce(max(pg_catalog.pg_get_triggerdef(t.oid)), '')
    into definition
    from pg_catalog.pg_trigger as t
    where
        t.tgrelid = 'auth.users'::pg_catalog.regclass
        and t.tgname = 'on_auth_user_created'
        and t.tgfoid = pg_catalog.to_regprocedure('public.handle_new_user()')
        and t.tgenabled in ('O', 'A')
        and t.tgqual is null
        -- for each row (1) after (not 2) insert (4)
        and t.tgtype & 7 = 5;

    insert into pg_temp.user_sync_verification (point, result, detail)
    values (
        'the trigger is active',
        case when definition <> '' then 'PASS' else 'FAIL' end,
        coalesce(nullif(definition, ''), 'on_auth_user_created on auth.users is missing, disabled or another one')
    );

    insert into pg_temp.user_sync_verification (point, result, detail)
    select
        'its function runs with its owner''s rights and a fixed search_path',
        case when coalesce(bool_and(p.prosecdef and p.proconfig::text like '%search_path=%'), false)
            then 'PASS' else 'FAIL' end,
        coalesce(max(pg_catalog.array_to_string(p.proconfig, ', ')), 'public.handle_new_user()')
    from pg_catalog.pg_proc as p
    where p.oid = pg_catalog.to_regprocedure('public.handle_new_user()');

    select string_agg(f.name, ', ' order by f.name)
    into lacking
    from
        (
            values
                ('on_auth_user_updated', 'public.handle_user_update()'),
                ('on_auth_user_soft_deleted', 'public.handle_user_soft_delete()')
        ) as f (name, function)
    where not exists (
        select
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = 'auth.users'::pg_catalog.regclass
            and t.tgname = f.name
            and t.tgfoid = pg_catalog.to_regprocedure(f.function)
            and t.tgenabled in ('O', 'A')
            -- for each row (1) after (not 2) update (16)
            and t.tgtype & 19 = 17
    );

    insert into pg_temp.user_sync_verification (point, result, detail)
    values (
        'the triggers that follow the user are active',
        case when lacking is null then 'PASS' else 'FAIL' end,
        coalesce(lacking || ': missing, disabled or another one', 'both of them')
    );

    select
        count(*) filter (where pu.id is null),
        count(*) filter (where au.id is null),
        count(*) filter (
            where
                pu.id = au.id
                and (
                    (pu.email, pu.email_verified) is distinct from (
                        case when au.deleted_at is null then au.email end,
                        au.deleted_at is null and au.email_confirmed_at is not null
                    )
                    or (
                        au.deleted_at is not null
                        and (pu.first_name, pu.last_name, pu.profile_photo_url, pu.deleted_at)
                            is distinct from (null, null, null, au.deleted_at)
                    )
                )
        )
    into ghosts, orphans, stale
    from
        auth.users as au
        full join public.users as pu
            on pu.id = au.id;

    insert into pg_temp.user_sync_verification (point, result, detail)
    values
        ('no ghost users', case when ghosts = 0 then 'PASS' else 'FAIL' end, format('%s found', ghosts)),
        ('no orphaned profiles', case when orphans = 0 then 'PASS' else 'FAIL' end, format('%s found', orphans)),
        ('no stale profiles', case when stale = 0 then 'PASS' else 'FAIL' end, format('%s found', stale));

    select format('%s at %s', l.status, l.started_at)
    into backfill
    from public.cleanup_audit_log as l
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
        p.pronamespace = 'public'::pg_catalog.regnamespace
        and p.proname in (
            'backfill_ghost_users',
            'check_ghost_users',
            'check_orphaned_profiles',
            'check_soft_deleted_profiles',
            'fill_ghost_users',
            'fill_or_set_aside',
            'get_latest_sync_status',
            'get_sync_status_history',
            'get_user_sync_stats',
            'handle_new_user',
            'handle_user_soft_delete',
            'handle_user_update',
            'log_cleanup_job',
            'record_user_sync_metrics',
            'run_user_sync_quality_check',
            'set_ghost_user_aside',
            'start_backfill',
            'user_sync_trigger_status'
        )
        and (
            pg_catalog.has_function_privilege('anon', p.oid, 'execute')
            or pg_catalog.has_function_privilege('authenticated', p.oid, 'execute')
        );

    insert into pg_temp.user_sync_verification (point, result, detail)
    values (
        'no function is open to the app''s users',
        case when open_functions is null then 'PASS' else 'FAIL' end,
        coalesce(open_functions, 'none of them')
    );
end;
$$;


do $$
declare
    failing text;
begin
    select string_agg(c.check_name || ': ' || c.message, '; ' order by c.check_name)
    into failing
    from public.run_user_sync_quality_check() as c
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
    address text;
    said text;
    written boolean;
begin
    foreach address in array array['verify-trigger@example.invalid', null] loop
        said := 'left a profile';
        written := false;

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
                address,
                '{}',
                '{}',
                now(),
                now()
            );

            written := exists (
                select
                from public.users as pu
                where pu.id = 'ffffffff-ffff-4fff-bfff-fffffffffffe'
            );

            raise exception 'taken back' using errcode = 'VTRIG';
        exception
            when sqlstate 'VTRIG' then
                said := case when written then said else 'left no profile' end;
            when others then
                said := 'was refused: ' || sqlerrm;
        end;

        insert into pg_temp.user_sync_verification (point, result, detail)
        values (
            case when address is null then 'a signup without an email' else 'a signup with an email' end,
            case when written then 'PASS' else 'FAIL' end,
            said
        );
    end loop;
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
