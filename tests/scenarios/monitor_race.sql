-- base: monitored
-- broken: who has a profile is read at one moment, who is a user at another
-- cases: ghosts
-- says: a user signs up while public\.check_ghost_users\(\) reads, .* \(2 sessions, 3 steps, 1 switch\)
create or replace function public.check_ghost_users()
    returns table (
        auth_user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    known uuid[] := array(select p.id from public.profiles as p);
begin
    return query
        select au.id, au.email, au.created_at, extract(day from now() - au.created_at)::integer
        from auth.users as au
        where au.id <> all (known)
        order by au.created_at desc nulls last, au.id;
end;
$$;
-- mended: as told

-- broken: each number is counted at a moment of its own
-- cases: stats check
-- says: a user signs up while public\.get_user_sync_stats\(\) reads, .* \(2 sessions, 3 steps, 1 switch\)
create or replace function public.get_user_sync_stats()
    returns table (
        metric text,
        value bigint,
        status text,
        last_checked timestamptz
    )
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    users bigint;
    profiles bigint;
    ghosts bigint;
    orphans bigint;
begin
    select count(*) into profiles from public.profiles;
    select count(*) into orphans from public.profiles as p where not exists (select from auth.users as u where u.id = p.id);
    select count(*) into users from auth.users;
    ghosts := users - (profiles - orphans);

    return query
        select m.metric, m.value, case when m.value = 0 or m.harm = 'ok' then 'ok' else m.harm end, now()
        from (
            values
                (1, 'auth_users_total', users, 'ok'),
                (2, 'public_users_total', profiles, 'ok'),
                (3, 'ghost_users', ghosts, 'error'),
                (4, 'orphaned_profiles', orphans, 'warning'),
                (5, 'sync_discrepancy', ghosts + orphans, 'error')
        ) as m (place, metric, value, harm)
        order by m.place;
end;
$$;
-- mended:
alter function public.get_user_sync_stats() stable;

-- broken: who is a user is read at one moment, who has a profile at another
-- cases: orphans
-- says: a user signs up while public\.check_orphaned_profiles\(\) reads, .* \(2 sessions, 3 steps, 1 switch\)
create or replace function public.check_orphaned_profiles()
    returns table (
        user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    known uuid[] := array(select au.id from auth.users as au);
begin
    return query
        select p.id, p.email::varchar, p.created_at, extract(day from now() - p.created_at)::integer
        from public.profiles as p
        where p.id <> all (known)
        order by p.created_at desc, p.id;
end;
$$;
-- mended: as told
