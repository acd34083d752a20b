-- The backfill: every user without a row in {table} gets the row that the trigger would have written. The ghosts are
-- listed once and filled in batches, each committed by itself, so that nobody waits for longer than one batch. A user
-- that cannot be filled is set aside with the reason and stops nobody else. What was interrupted is completed by the
-- next run. While one backfill runs, another one leaves the work to it.
--
--     call {schema}.backfill_ghost_users();
--     select * from {schema}.user_sync_failures;

create table {schema}.cleanup_audit_log (
    id uuid primary key default gen_random_uuid(),
    job_name text not null,
    job_type text not null,
    started_at timestamptz not null default clock_timestamp(),
    completed_at timestamptz,
    status text not null check (status in ('running', 'completed', 'failed')),
    records_affected bigint not null default 0,
    execution_time_ms bigint,
    error_message text,
    created_at timestamptz not null default clock_timestamp()
);

comment on table {schema}.cleanup_audit_log is 'What maintenance jobs did, one row a run.';

create table {schema}.user_sync_failures (
    user_id uuid primary key,
    error_code text not null,
    error_message text not null,
    error_detail text,
    failed_at timestamptz not null default now()
);

comment on table {schema}.user_sync_failures is 'Users whose profile could not be written, and why.';

alter table {schema}.cleanup_audit_log enable row level security;
alter table {schema}.user_sync_failures enable row level security;

revoke all
    on {schema}.cleanup_audit_log, {schema}.user_sync_failures
    from anon, authenticated;


create function {schema}.user_sync_trigger_status()
    returns text
    set search_path = ''
    language sql
    stable
as $$
    -- the whole definition: of a trigger of that name on another table, for another event, with another function or
    -- under another condition, it is another one
    select case
        when bool_and(coalesce(t.tgenabled in ('O', 'A'), false)) then 'active'
        when bool_or(t.oid is null) then 'missing'
        when bool_or(t.tgenabled = 'R') then 'replica only'
        else 'disabled'
    end
    from
        (
            values
{triggers}
        ) as e (name, definition)
        left join pg_catalog.pg_trigger as t
            on
                t.tgrelid = pg_catalog.to_regclass('auth.users')
                and t.tgname = e.name
                and right(pg_catalog.pg_get_triggerdef(t.oid), length(e.definition)) = e.definition;
$$;

comment on function {schema}.user_sync_trigger_status()
    is 'Whether the triggers that write profiles are active, disabled, replica only or missing.';


{fill}


create function {schema}.set_ghost_user_aside(
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
        insert into {schema}.user_sync_failures (
            user_id,
            error_code,
            error_message,
            error_detail
        )
        select
            au.id,
            p_error_code,
            p_error_message,
            nullif(p_error_detail, '')
        from auth.users as au
        where
            au.id = p_user_id{wanted}
            and not exists (
                select
                from {table} as pu
                where pu.{key} = {au_id}
            )
        on conflict (user_id) do update
        set
            error_code = excluded.error_code,
            error_message = excluded.error_message,
            error_detail = excluded.error_detail,
            failed_at = excluded.failed_at
        returning user_id
    )
    select count(*)
    from aside;
$$;

comment on function {schema}.set_ghost_user_aside(uuid, text, text, text)
    is 'Writes down why a user cannot be filled.';


create function {schema}.fill_or_set_aside(
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
        filled := {schema}.fill_ghost_users(p_ghosts);

        if filled < cardinality(p_ghosts) then
            raise exception 'nothing was written' using errcode = 'no_data_found';
        end if;

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
        set_aside := {schema}.set_ghost_user_aside(p_ghosts[1], code, message, detail);
    else
        select
            sum(f.filled)::bigint,
            sum(f.set_aside)::bigint
        into filled, set_aside
        from
            (values (p_ghosts[:half]), (p_ghosts[half + 1:])) as h (ghosts)
            cross join lateral {schema}.fill_or_set_aside(h.ghosts) as f;
    end if;
end;
$$;

comment on function {schema}.fill_or_set_aside(uuid[])
    is 'Fills ghosts; writes down those who cannot be filled.';


create function {schema}.start_backfill(p_keep_lock boolean)
    returns uuid
    set search_path = ''
    language plpgsql
as $$
declare
    lock constant integer := pg_catalog.hashtext({lock});
    job uuid;
begin
    if p_keep_lock then
        if not pg_catalog.pg_try_advisory_lock(lock) then
            return null;
        end if;
    elsif not pg_catalog.pg_try_advisory_xact_lock(lock) then
        return null;
    end if;

    -- a run that was killed could not say so itself
    update {schema}.cleanup_audit_log
    set
        status = 'failed',
        completed_at = clock_timestamp(),
        error_message = 'interrupted'
    where
        job_name = 'backfill_ghost_users'
        and status = 'running';

    insert into {schema}.cleanup_audit_log (job_name, job_type, status)
    values ('backfill_ghost_users', 'backfill', 'running')
    returning id into job;

    return job;
exception
    when others or query_canceled then
        if p_keep_lock then
            perform pg_catalog.pg_advisory_unlock(lock);
        end if;

        raise;
end;
$$;

comment on function {schema}.start_backfill(boolean)
    is 'Takes the lock of the backfill, until it is given back or to the end of the transaction, and returns the id of'
        ' its row in cleanup_audit_log; null while another one has the lock.';


create procedure {schema}.backfill_ghost_users(
    p_batch_size integer default 5000,
    p_commit boolean default true
)
    -- no security definer and no set search_path: neither goes together with commit; every name is qualified
    language plpgsql
as $$
declare
    started constant timestamptz := clock_timestamp();
    trigger_status constant text := {schema}.user_sync_trigger_status();
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
        raise warning 'The trigger on auth.users that writes {table} is %: who signs up after the backfill is a ghost'
            ' again', trigger_status;
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
                from {table} as pu
                where pu.{key} = {au_id}
            ){and_wanted}
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
            job := {schema}.start_backfill(p_keep_lock => p_commit);

            if job is null then
                raise notice 'Another backfill is under way and fills the same users';
                return;
            end if;

            continue;
        end if;

        begin
            select f.*
            into strict done
            from {schema}.fill_or_set_aside(batch.ghosts) as f;

            -- in the row from the first batch on, for a run that is killed
            update {schema}.cleanup_audit_log
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
        delete from {schema}.user_sync_failures as f
        using {table} as u
        where u.{key} = {f_id};

        update {schema}.cleanup_audit_log
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
        perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtext({lock}));
    end if;

    if failure is not null then
        raise exception 'The backfill stopped after % users: %', filled, failure;
    end if;

    raise notice 'Backfilled % users, set % aside', filled, set_aside;
end;
$$;

comment on procedure {schema}.backfill_ghost_users(integer, boolean)
    is 'Gives every user of auth.users a row in {table}, batch by batch.';


revoke execute
    on function
        {schema}.user_sync_trigger_status(),
        {schema}.fill_ghost_users(uuid[]),
        {schema}.set_ghost_user_aside(uuid, text, text, text),
        {schema}.fill_or_set_aside(uuid[]),
        {schema}.start_backfill(boolean)
    from public, anon, authenticated;

revoke execute
    on procedure {schema}.backfill_ghost_users(integer, boolean)
    from public, anon, authenticated;
