-- base: monitored
-- broken: only those who were confirmed
-- says: with an orphan, public.check_orphaned_profiles\(\) says 0 orphans instead of 1
create or replace function public.check_orphaned_profiles()
    returns table (
        user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select p.id, p.email::varchar, p.created_at, extract(day from now() - p.created_at)::integer
    from public.profiles as p
    where not exists (select from auth.users as au where au.id = p.id)
    and p.email_verified
    order by p.created_at desc, p.id;
$$;
-- mended: as told

-- broken: the newest only
-- says: with three orphans, .* says 1 orphan instead of 3
create or replace function public.check_orphaned_profiles()
    returns table (
        user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select p.id, p.email::varchar, p.created_at, extract(day from now() - p.created_at)::integer
    from public.profiles as p
    where not exists (select from auth.users as au where au.id = p.id)
    order by p.created_at desc, p.id
    limit 1;
$$;
-- mended: as told

-- broken: a row of every trace
-- says: with an orphan, .* says 2 orphans instead of 1
create or replace function public.check_orphaned_profiles()
    returns table (
        user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select p.id, p.email::varchar, p.created_at, extract(day from now() - p.created_at)::integer
    from public.profiles as p
    cross join generate_series(1, 2)
    where not exists (select from auth.users as au where au.id = p.id)
    order by p.created_at desc, p.id;
$$;
-- mended: as told
