-- The backfill for any number of users: batches in the order of the key, each committed by itself, so that nobody waits
-- for longer than one batch. A user that cannot be filled is set aside with the reason and stops nobody else. What was
-- interrupted is completed by the next run. While one backfill runs, another one leaves the work to it.
--
--     call public.backfill_ghost_users();
--     select * from public.user_sync_failures;

create or replace function public.user_sync_trigger_status()
    returns text
    set search_path = ''
    language sql
    stable
as $$
    -- a trigger of that name on another table, with another function or under a condition is not it
    select coalesce(
        (
            select case t.tgenabled
                when 'O' then 'active'
                when 'A' then 'active'
                when 'R' then 'replica only'
                else 'disabled'
            end
            from pg_catalog.pg_trigger as t
            where
                t.tgrelid = pg_catalog.to_regclass('auth.users')
                and t.tgfoid = pg_catalog.to_regprocedure('public.handle_new_user()')
                and t.tgname = 'on_auth_user_created'
                and t.tgqual is null
                -- for each row (1) after (not 2) insert (4)
                and t.tgtype & 7 = 5
        ),
        'missing'
    );
$$;

comment on function public.user_sync_trigger_status()
    is 'Whether the trigger that writes profiles is active, disabled, replica only or missing.';


create function public.fill_ghost_users(p_first uuid, p_last uuid)
    returns bigint
    security definer
    set search_path = ''
    language sql
as $$
    -- the row that public.handle_new_user and the triggers after it would have left
    with filled as (
        insert into public.users (
            id,
            email,
            email_verified,
            created_at,
            updated_at,
            deleted_at
        )
        select
            au.id,
            case when au.deleted_at is null then au.email end,
            au.deleted_at is null and au.email_confirmed_at is not null,
            coalesce(au.created_at, now()),
            now(),
            au.deleted_at
        from auth.users as au
        where
            au.id between p_first and p_last
            and not exists (
                select
                from public.users as pu
                where pu.id = au.id
            )
        on conflict (id) do nothing
        returning id
    )
    select count(*)
    from filled;
$$;

comment on function public.fill_ghost_users(uuid, uuid)
    is 'Writes the missing rows of public.users from one key to another, and returns how many.';


create function public.set_ghost_user_aside(
    p_user_id uuid,
    p_error_code text,
    p_error_message text,
    p_error_detail text
)
    returns bigint
    security definer
    set search_path = ''
    language sql
as $$
    -- who was deleted meanwhile needs no profile
    with aside as (
        insert into public.user_sync_failures (
            user_id,
            source,
            error_code,
            error_message,
            error_detail
        )
        select
            au.id,
            'backfill',
            p_error_code,
            p_error_message,
            nullif(p_error_detail, '')
        from auth.users as au
        where au.id = p_user_id
        on conflict (user_id) do update
        set
            source = excluded.source,
            error_code = excluded.error_code,
            error_message = excluded.error_message,
            error_detail = excluded.error_detail,
            failed_at = excluded.failed_at
        returning user_id
    )
    select count(*)
    from aside;
$$;

comment on function public.set_ghost_user_aside(uuid, text, text, text)
    is 'Writes down why a user cannot be filled.';


create function public.fill_or_set_aside(
    p_first uuid,
    p_last uuid,
    out filled bigint,
    out set_aside bigint
)
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    ghosts uuid[];
    half integer;
    code text;
    message text;
    detail text;
begin
    filled := 0;
    set_aside := 0;

    begin
        filled := public.fill_ghost_users(p_first, p_last);
        return;
    exception
        when others then
            get stacked diagnostics
                code = returned_sqlstate,
                message = message_text,
                detail = pg_exception_detail;
    end;

    -- somebody there cannot be filled: halve the range until it is one user
    select array_agg(au.id order by au.id)
    into ghosts
    from auth.users as au
    where
        au.id between p_first and p_last
        and not exists (
            select
            from public.users as pu
            where pu.id = au.id
        );

    half := cardinality(ghosts) / 2;

    if cardinality(ghosts) = 1 then
        set_aside := public.set_ghost_user_aside(ghosts[1], code, message, detail);
    elsif half > 0 then
        select sum(f.filled), sum(f.set_aside)
        into filled, set_aside
        from
            (values (p_first, ghosts[half]), (ghosts[half + 1], p_last)) as r (first, last)
            cross join lateral public.fill_or_set_aside(r.first, r.last) as f;
    end if;
end;
$$;

comment on function public.fill_or_set_aside(uuid, uuid)
    is 'Fills the ghosts from one key to another; writes down those who cannot be filled.';


create function public.backfill_one_batch(
    p_first uuid,
    p_limit integer,
    out next_first uuid,
    out filled bigint,
    out set_aside bigint
)
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    last uuid;
begin
    select au.id
    into last
    from auth.users as au
    where au.id >= p_first
    order by au.id
    offset p_limit - 1
    limit 1;

    last := coalesce(last, 'ffffffff-ffff-ffff-ffff-ffffffffffff');

    select au.id
    into next_first
    from auth.users as au
    where au.id > last
    order by au.id
    limit 1;

    select f.filled, f.set_aside
    into filled, set_aside
    from public.fill_or_set_aside(p_first, last) as f;
end;
$$;

comment on function public.backfill_one_batch(uuid, integer)
    is 'Fills the ghosts among the next users in the order of the key, and returns where to go on.';


create procedure public.backfill_ghost_users(
    p_batch_size integer default 5000,
    p_commit boolean default true
)
    -- no security definer and no set search_path: neither goes together with commit; every name is qualified
    language plpgsql
as $$
declare
    started constant timestamptz := clock_timestamp();
    trigger_status constant text := public.user_sync_trigger_status();
    job uuid;
    batch record;
    next_first uuid := '00000000-0000-0000-0000-000000000000';
    batches integer := 0;
    filled bigint := 0;
    set_aside bigint := 0;
    failure text;
begin
    if p_batch_size is null or p_batch_size < 1 then
        raise exception 'p_batch_size is %. Take 1 or more users at a time.', p_batch_size
            using errcode = 'invalid_parameter_value';
    end if;

    -- where it cannot commit it fails here, with no lock taken that the session would keep
    if p_commit then
        commit;
    end if;

    if not pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('public.backfill_ghost_users')) then
        raise notice 'Another backfill is under way and fills the same users';
        return;
    end if;

    if trigger_status <> 'active' then
        raise warning 'The trigger on_auth_user_created on auth.users is %: who signs up after the backfill'
            ' is a ghost again', trigger_status;
    end if;

    -- a run that was killed could not say so itself
    update public.cleanup_audit_log
    set
        status = 'failed',
        completed_at = clock_timestamp(),
        error_message = 'interrupted'
    where
        job_name = 'backfill_ghost_users'
        and status = 'running';

    job := public.log_cleanup_job('backfill_ghost_users', 'backfill', 'running');

    while next_first is not null and failure is null loop
        if p_commit then
            commit;
        end if;

        begin
            select b.next_first, b.filled, b.set_aside
            into strict batch
            from public.backfill_one_batch(next_first, p_batch_size) as b;
        exception
            -- a cancelled one, too, gives its lock back and says how far it came
            when others or query_canceled then
                failure := sqlerrm;
        end;

        if failure is null then
            next_first := batch.next_first;
            filled := filled + batch.filled;
            set_aside := set_aside + batch.set_aside;
            batches := batches + 1;

            raise notice 'Batch %: % users filled so far, % set aside', batches, filled, set_aside;
        end if;
    end loop;

    -- who has a profile by now has no failure to tell of
    delete from public.user_sync_failures as f
    using public.users as u
    where u.id = f.user_id;

    update public.cleanup_audit_log
    set
        status = case when failure is null then 'completed' else 'failed' end,
        completed_at = clock_timestamp(),
        records_affected = filled,
        execution_time_ms = (extract(epoch from clock_timestamp() - started) * 1000)::bigint,
        error_message = coalesce(
            failure,
            case when set_aside > 0 then format('%s users set aside, see user_sync_failures', set_aside) end
        )
    where id = job;

    if p_commit then
        commit;
    end if;

    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtext('public.backfill_ghost_users'));

    if failure is not null then
        raise exception 'The backfill stopped after % users: %', filled, failure;
    end if;

    raise notice 'Backfilled % users, set % aside', filled, set_aside;
end;
$$;

comment on procedure public.backfill_ghost_users(integer, boolean)
    is 'Gives every user of auth.users a row in public.users, batch by batch.';
