-- The audit log of maintenance jobs, and the function that writes to it.
--
-- Kept as it was reviewed. Who may read the log and who may call the function is left to the default privileges.

create table public.cleanup_audit_log (
    id uuid primary key default gen_random_uuid(),
    job_name text not null,
    job_type text not null,
    started_at timestamptz not null default now(),
    completed_at timestamptz,
    -- a job is under way, or it ended well or badly
    status text not null check (status in ('running', 'completed', 'failed')),
    records_affected bigint default 0,
    execution_time_ms bigint,
    error_message text,
    created_at timestamptz not null default now()
);

comment on table public.cleanup_audit_log is 'What maintenance jobs did, one row a run.';

create index cleanup_audit_log_job_name_idx
    on public.cleanup_audit_log (job_name, started_at desc);


create function public.log_cleanup_job(
    p_job_name text,
    p_job_type text,
    p_status text,
    p_records_affected bigint default 0,
    p_execution_time_ms bigint default null,
    p_error_message text default null
)
    returns uuid
    set search_path = ''
    language plpgsql
as $$
declare
    finished constant timestamptz := clock_timestamp();
    log_id uuid;
begin
    insert into public.cleanup_audit_log (
        job_name,
        job_type,
        started_at,
        completed_at,
        status,
        records_affected,
        execution_time_ms,
        error_message
    )
    values (
        p_job_name,
        p_job_type,
        finished - coalesce(p_execution_time_ms, 0) * interval '1 millisecond',
        case when p_status <> 'running' then finished end,
        p_status,
        p_records_affected,
        p_execution_time_ms,
        p_error_message
    )
    returning id into log_id;

    return log_id;
end;
$$;

comment on function public.log_cleanup_job(text, text, text, bigint, bigint, text)
    is 'Writes one row to cleanup_audit_log and returns its id.';
