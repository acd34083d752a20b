-- base: monitored
-- broken: only those with an address
-- says: with a ghost without email, public.check_ghost_users\(\) says 0 ghosts instead of 1
create or replace function public.check_ghost_users()
    returns table (
        auth_user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select au.id, au.email, au.created_at, extract(day from now() - au.created_at)::integer
    from auth.users as au
    where not exists (select from public.profiles as p where p.id = au.id)
    and au.email is not null
    order by au.created_at desc nulls last, au.id;
$$;
-- mended: as told

-- broken: only the last month
-- says: with a ghost without created_at, .* says 0 ghosts instead of 1 .*400 days
create or replace function public.check_ghost_users()
    returns table (
        auth_user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select au.id, au.email, au.created_at, extract(day from now() - au.created_at)::integer
    from auth.users as au
    where not exists (select from public.profiles as p where p.id = au.id)
    and au.created_at > now() - interval '30 days'
    order by au.created_at desc nulls last, au.id;
$$;
-- mended: as told

-- broken: the days of the last month begun
-- says: with a ghost created 400 days ago, .* days since creation instead of 400
create or replace function public.check_ghost_users()
    returns table (
        auth_user_id uuid,
        email varchar,
        created_at timestamptz,
        days_since_creation integer
    )
    security definer
    set search_path = ''
    language sql
    stable
as $$
    select au.id, au.email, au.created_at, extract(day from age(now(), au.created_at))::integer
    from auth.users as au
    where not exists (select from public.profiles as p where p.id = au.id)
    order by au.created_at desc nulls last, au.id;
$$;
-- mended: as told
