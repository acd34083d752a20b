-- base: monitored
-- broken: two totals compared
-- says: with a ghost and an orphan, .* sync_discrepancy is 0 instead of 2
create or replace function public.get_user_sync_stats()
    returns table (
        metric text,
        value bigint,
        status text,
        last_checked timestamptz
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with counted as (
        select
            count(au.id) as users,
            count(p.id) as profiles,
            count(*) filter (where p.id is null) as ghosts,
            count(*) filter (where au.id is null) as orphans
        from auth.users as au
        full join public.profiles as p on p.id = au.id
    )
    select m.metric, m.value, case when m.value = 0 or m.harm = 'ok' then 'ok' else m.harm end, now()
    from counted as c
    cross join lateral (
        values
            (1, 'auth_users_total', c.users, 'ok'),
            (2, 'public_users_total', c.profiles, 'ok'),
            (3, 'ghost_users', c.ghosts, 'error'),
            (4, 'orphaned_profiles', c.orphans, 'warning'),
            (5, 'sync_discrepancy', abs(c.users - c.profiles), 'error')
    ) as m (place, metric, value, harm)
    order by m.place;
$$;
-- mended: as told

-- broken: a ghost or two is normal
-- says: with a ghost, .* ghost_users is 1 with the status ok
create or replace function public.get_user_sync_stats()
    returns table (
        metric text,
        value bigint,
        status text,
        last_checked timestamptz
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    with counted as (
        select
            count(au.id) as users,
            count(p.id) as profiles,
            count(*) filter (where p.id is null) as ghosts,
            count(*) filter (where au.id is null) as orphans
        from auth.users as au
        full join public.profiles as p on p.id = au.id
    )
    select m.metric, m.value, case when m.value < 3 or m.harm = 'ok' then 'ok' else m.harm end, now()
    from counted as c
    cross join lateral (
        values
            (1, 'auth_users_total', c.users, 'ok'),
            (2, 'public_users_total', c.profiles, 'ok'),
            (3, 'ghost_users', c.ghosts, 'error'),
            (4, 'orphaned_profiles', c.orphans, 'warning'),
            (5, 'sync_discrepancy', c.ghosts + c.orphans, 'error')
    ) as m (place, metric, value, harm)
    order by m.place;
$$;
-- mended: as told

-- broken: parity of a check
-- says: with a ghost and an orphan, public.run_user_sync_quality_check\(\) says count_parity_check counts 0 instead of 2
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
                    and t.tgenabled in ('O', 'A')
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
            (3, 'count_parity_check', abs(f.ghosts - f.orphans), 'critical', ' without counterpart'),
            (4, 'trigger_exists_check', 1 - f.triggers, 'critical', ' triggers out of order')
    ) as c (place, name, issues, severity, message)
    order by c.place;
$$;
-- mended: as told
