-- The backfill for any number of users: the ghosts are listed once and filled in batches, each committed by itself, so
-- that nobody waits for longer than one batch. A user that cannot be filled is set aside with the reason and stops
-- nobody else. What was interrupted is completed by the next run. While one backfill runs, another one leaves the work
-- to it.
--
--     call public.backfill_ghost_users();
--     select * from public.user_sync_failures;

create function public.user_sync_trigger_status()
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


create function public.fill_ghost_users(p_ghosts uuid[])
    returns bigint
    security definer
    set search_path = ''
    -- users are looked up by their keys: weighed anew for each batch, reading the whole table can seem cheaper
    set plan_cache_mode = force_generic_plan
    language plpgsql
as $$
declare
    filled bigint;
begin
    -- the row that public.handle_new_user and the triggers after it would have left
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
    where au.id = any (p_ghosts)
    order by au.id;

    get diagnostics filled = row_count;

    return filled;
end;
$$;

comment on function public.fill_ghost_users(uuid[])
    is 'Writes the rows of public.users that some users lack, and returns how many.';


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
    -- who was deleted since the ghosts were listed needs no profile, and who got one keeps it: to ask here and not for
    -- every user (on conflict) is what makes the backfill nearly as fast as a bare insert
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
        where
            au.id = p_user_id
            and not exists (
                select
                from public.users as pu
                where pu.id = au.id
            )
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
    p_ghosts uuid[],
    out filled bigint,
    out set_aside bigint
)
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    half constant integer := cardinality(p_ghosts) / 2;
    code text;
    message text;
    detail text;
begin
    filled := 0;
    set_aside := 0;

    begin
        filled := public.fill_ghost_users(p_ghosts);
        return;
    exception
        when others then
            get stacked diagnostics
                code = returned_sqlstate,
                message = message_text,
                detail = pg_exception_detail;
    end;

    -- somebody among them cannot be filled: halve until it is one user
    if half = 0 then
        set_aside := public.set_ghost_user_aside(p_ghosts[1], code, message, detail);
    else
        select
            sum(f.filled)::bigint,
            sum(f.set_aside)::bigint
        into filled, set_aside
        from
            (values (p_ghosts[:half]), (p_ghosts[half + 1:])) as h (ghosts)
            cross join lateral public.fill_or_set_aside(h.ghosts) as f;
    end if;
end;
$$;

comment on function public.fill_or_set_aside(uuid[])
    is 'Fills ghosts; writes down those who cannot be filled.';


create function public.start_backfill(p_keep_lock boolean)
    returns uuid
    set search_path = ''
    language plpgsql
as $$
declare
    lock constant integer := pg_catalog.hashtext('public.backfill_ghost_users');
begin
    if p_keep_lock then
        if not pg_catalog.pg_try_advisory_lock(lock) then
            return null;
        end if;
    elsif not pg_catalog.pg_try_advisory_xact_lock(lock) then
        return null;
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

    return public.log_cleanup_job('backfill_ghost_users', 'backfill', 'running');
exception
    when others or query_canceled then
        if p_keep_lock then
            perform pg_catalog.pg_advisory_unlock(lock);
        end if;

        raise;
end;
$$;

comment on function public.start_backfill(boolean)
    is 'Takes the lock of the backfill, until it is given back or to the end of the transaction, and returns the id of'
        ' its row in cleanup_audit_log; null while another one has the lock.';


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
    done record;
    filled bigint := 0::bigint;
    set_aside bigint := 0::bigint;
    failure text;
begin
    if p_batch_size is null or p_batch_size < 1 then
        raise exception 'p_batch_size is %. Take 1 or more users at a time.', p_batch_size
            using errcode = 'invalid_parameter_value';
    end if;

    -- where it cannot commit it fails here
    if p_commit then
        commit;
    end if;

    if trigger_status <> 'active' then
        raise warning 'The trigger on_auth_user_created on auth.users is %: who signs up after the backfill'
            ' is a ghost again', trigger_status;
    end if;

    for batch in
        -- batch 0 is nobody: it starts the run
        select
            0 as number,
            array[]::uuid[] as ghosts
        union all
        select
            g.number,
            array_agg(g.id)
        from (
            select
                au.id,
                -- in the order of the table: then each of its pages is read and written once, not once a batch
                (row_number() over (order by au.ctid) - 1) / p_batch_size + 1 as number
            from auth.users as au
            where not exists (
                select
                from public.users as pu
                where pu.id = au.id
            )
        ) as g
        group by g.number
        order by number
    loop
        if p_commit then
            commit;
            -- what is deferred is asked at once: an error at the commit could not be told of
            set constraints all immediate;
        end if;

        -- not before the first commit, which keeps the list: until there an error would leave the lock behind
        if job is null then
            job := public.start_backfill(p_keep_lock => p_commit);

            if job is null then
                raise notice 'Another backfill is under way and fills the same users';
                return;
            end if;

            continue;
        end if;

        begin
            select f.*
            into strict done
            from public.fill_or_set_aside(batch.ghosts) as f;

            -- in the row from the first batch on, for a run that is killed
            update public.cleanup_audit_log
            set records_affected = filled + done.filled
            where id = job;
        exception
            -- a cancelled one, too, gives its lock back and says how far it came
            when others or query_canceled then
                failure := sqlerrm;
                exit;
        end;

        filled := filled + done.filled;
        set_aside := set_aside + done.set_aside;

        raise notice 'Batch %: % users filled so far, % set aside', batch.number, filled, set_aside;
    end loop;

    begin
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
    exception
        when others or query_canceled then
            failure := coalesce(failure, sqlerrm);
    end;

    if p_commit then
        commit;
        perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtext('public.backfill_ghost_users'));
    end if;

    if failure is not null then
        raise exception 'The backfill stopped after % users: %', filled, failure;
    end if;

    raise notice 'Backfilled % users, set % aside', filled, set_aside;
end;
$$;

comment on procedure public.backfill_ghost_users(integer, boolean)
    is 'Gives every user of auth.users a row in public.users, batch by batch.';
