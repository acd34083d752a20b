-- base: monitored
-- broken: by its name
-- says: on_auth_user_created on another table, .* says that the trigger is active
create or replace function public.run_user_sync_quality_check()
    returns table (
        check_name text,
        passed boolean,
        issue_count bigint,
        severity text,
        message text
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with found as (
        select
            max(s.value) filter (where s.metric = 'ghost_users') as ghosts,
            max(s.value) filter (where s.metric = 'orphaned_profiles') as orphans,
            (
                select count(*)
                from pg_catalog.pg_trigger as t
                where t.tgname = 'on_auth_user_created' and t.tgenabled in ('O', 'A')
            ) as triggers
        from public.get_user_sync_stats() as s
    )
    select c.name, c.issues = 0, c.issues, c.severity, c.issues || c.message
    from found as f
    cross join lateral (
        values
            (1, 'ghost_users_check', f.ghosts, 'critical', ' users without a profile'),
            (2, 'orphaned_profiles_check', f.orphans, 'warning', ' profiles without a user'),
            (3, 'count_parity_check', f.ghosts + f.orphans, 'critical', ' without counterpart'),
            (4, 'trigger_exists_check', 1 - f.triggers, 'critical', ' triggers out of order')
    ) as c (place, name, issues, severity, message)
    order by c.place;
$$;
-- mended: as told

-- broken: enabled is one letter
-- says: on_auth_user_created enabled always, .* says that the trigger is not active
create or replace function public.run_user_sync_quality_check()
    returns table (
        check_name text,
        passed boolean,
        issue_count bigint,
        severity text,
        message text
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with found as (
        select
            max(s.value) filter (where s.metric = 'ghost_users') as ghosts,
            max(s.value) filter (where s.metric = 'orphaned_profiles') as orphans,
            (
                select count(*)
                from pg_catalog.pg_trigger as t
                where
                    t.tgrelid = pg_catalog.to_regclass('auth.users')
                    and t.tgfoid = pg_catalog.to_regprocedure('public.create_profile()')
                    and t.tgname = 'on_auth_user_created'
                    and t.tgenabled = 'O'
                    and t.tgqual is null
                    and t.tgtype & 7 = 5
            ) as triggers
        from public.get_user_sync_stats() as s
    )
    select c.name, c.issues = 0, c.issues, c.severity, c.issues || c.message
    from found as f
    cross join lateral (
        values
            (1, 'ghost_users_check', f.ghosts, 'critical', ' users without a profile'),
            (2, 'orphaned_profiles_check', f.orphans, 'warning', ' profiles without a user'),
            (3, 'count_parity_check', f.ghosts + f.orphans, 'critical', ' without counterpart'),
            (4, 'trigger_exists_check', 1 - f.triggers, 'critical', ' triggers out of order')
    ) as c (place, name, issues, severity, message)
    order by c.place;
$$;
-- mended: as told

-- broken: it is there
-- says: on_auth_user_created disabled, .* says that the trigger is active
create or replace function public.run_user_sync_quality_check()
    returns table (
        check_name text,
        passed boolean,
        issue_count bigint,
        severity text,
        message text
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with found as (
        select
            max(s.value) filter (where s.metric = 'ghost_users') as ghosts,
            max(s.value) filter (where s.metric = 'orphaned_profiles') as orphans,
            (
                select count(*)
                from pg_catalog.pg_trigger as t
                where
                    t.tgrelid = pg_catalog.to_regclass('auth.users')
                    and t.tgfoid = pg_catalog.to_regprocedure('public.create_profile()')
                    and t.tgname = 'on_auth_user_created'
                    and t.tgqual is null
                    and t.tgtype & 7 = 5
            ) as triggers
        from public.get_user_sync_stats() as s
    )
    select c.name, c.issues = 0, c.issues, c.severity, c.issues || c.message
    from found as f
    cross join lateral (
        values
            (1, 'ghost_users_check', f.ghosts, 'critical', ' users without a profile'),
            (2, 'orphaned_profiles_check', f.orphans, 'warning', ' profiles without a user'),
            (3, 'count_parity_check', f.ghosts + f.orphans, 'critical', ' without counterpart'),
            (4, 'trigger_exists_check', 1 - f.triggers, 'critical', ' triggers out of order')
    ) as c (place, name, issues, severity, message)
    order by c.place;
$$;
-- mended: as told
