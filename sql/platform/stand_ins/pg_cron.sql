-- A stand-in for pg_cron: jobs are recorded, checked for a schedule that cron would take, and
-- never run. Names, shapes and rights are those of pg_cron.
-- version 1.6, schema pg_catalog

create schema cron;
create sequence cron.jobid_seq;
create sequence cron.runid_seq;

create table cron.job (
    jobid bigint primary key default pg_catalog.nextval('cron.jobid_seq'),
    schedule text not null,
    command text not null,
    nodename text not null default 'localhost',
    nodeport integer not null default coalesce(pg_catalog.inet_server_port(), 5432),
    database text not null default pg_catalog.current_database(),
    username text not null default current_user,
    active boolean not null default true,
    jobname text,
    constraint jobname_username_uniq unique (jobname, username)
);
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);

create table cron.job_run_details (
    jobid bigint,
    runid bigint primary key default pg_catalog.nextval('cron.runid_seq'),
    job_pid integer,
    database text,
    username text,
    command text,
    status text,
    return_message text,
    start_time timestamptz,
    end_time timestamptz
);
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

grant select on table cron.job, cron.job_run_details to public;
grant delete on table cron.job_run_details to public;
grant select on sequence cron.jobid_seq, cron.runid_seq to public;

-- Five fields, or a number of seconds, or an abbreviation.
create function cron.usersync_is_schedule(schedule text)
returns boolean
language sql
immutable
set search_path = ''
as $$
    select lower(btrim(schedule))
            ~ '^@(yearly|annually|monthly|weekly|daily|midnight|hourly|reboot)$'
        or lower(btrim(schedule)) ~ '^([1-9]|[1-5]\d) seconds?$'
        or (
            select count(*) = 5 and bool_and(
                field ~* '^[*\d$]([\d*/,-]|[a-z]{3})*$|^[a-z]{3}([a-z,-]*)$'
                and not exists (
                    select from regexp_matches(field, '\d+', 'g') as number
                    where number[1]::numeric > (array[59, 23, 31, 12, 7])[place]
                )
            )
            from regexp_split_to_table(btrim(schedule), '\s+')
                with ordinality as t (field, place)
        )
$$;

-- The owner writes the job down for the user who asks, whose name is in the call.
create function cron.usersync_write(
    job_name text,
    schedule text,
    command text,
    database text,
    username text,
    active boolean
)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
    id bigint;
begin
    if job_name is not null and job_name = '' then
        raise invalid_parameter_value using message = 'job_name must not be empty';
    elsif schedule is null or command is null then
        raise null_value_not_allowed using message = 'schedule and command must not be null';
    elsif not cron.usersync_is_schedule(schedule) then
        raise invalid_parameter_value using message = format('invalid schedule: %s', schedule);
    end if;
    insert into cron.job as j (jobname, schedule, command, database, username, active)
    values ($1, $2, $3, coalesce($4, current_database()), $5, $6)
    on conflict on constraint jobname_username_uniq do update
    set schedule = excluded.schedule,
        command = excluded.command,
        database = excluded.database,
        active = excluded.active
    returning j.jobid into id;
    return id;
end
$$;

create function cron.usersync_erase(job_id bigint, job_name text, username text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
    delete from cron.job as j
    where j.username = $3 and (j.jobid = $1 or j.jobname = $2);
    if not found then
        raise exception 'could not find valid entry for job %', coalesce(
            quote_literal(job_name), job_id::text
        );
    end if;
    return true;
end
$$;

create function cron.schedule(schedule text, command text)
returns bigint
language sql
strict
as $$ select cron.usersync_write(null, schedule, command, null, current_user::text, true) $$;

create function cron.schedule(job_name text, schedule text, command text)
returns bigint
language sql
as $$ select cron.usersync_write(job_name, schedule, command, null, current_user::text, true) $$;

create function cron.schedule_in_database(
    job_name text,
    schedule text,
    command text,
    database text,
    username text default null,
    active boolean default true
)
returns bigint
language sql
as $$
    select cron.usersync_write(
        job_name, schedule, command, database, coalesce(username, current_user::text), active
    )
$$;

create function cron.unschedule(job_id bigint)
returns boolean
language sql
strict
as $$ select cron.usersync_erase(job_id, null, current_user::text) $$;

create function cron.unschedule(job_name text)
returns boolean
language sql
strict
as $$ select cron.usersync_erase(null, job_name, current_user::text) $$;

create function cron.alter_job(
    job_id bigint,
    schedule text default null,
    command text default null,
    database text default null,
    username text default null,
    active boolean default null
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
    if not coalesce(cron.usersync_is_schedule(schedule), true) then
        raise invalid_parameter_value using message = format('invalid schedule: %s', schedule);
    end if;
    update cron.job as j
    set schedule = coalesce($2, j.schedule),
        command = coalesce($3, j.command),
        database = coalesce($4, j.database),
        username = coalesce($5, j.username),
        active = coalesce($6, j.active)
    where j.jobid = $1;
    if not found then
        raise exception 'Job % does not exist or you don''t own it', job_id;
    end if;
end
$$;

revoke all on function
    cron.alter_job(bigint, text, text, text, text, boolean),
    cron.schedule_in_database(text, text, text, text, text, boolean)
from public;

-- after

grant usage on schema cron to postgres with grant option;
grant all on all functions in schema cron to postgres with grant option;
alter default privileges for role supabase_admin in schema cron
    grant all on sequences to postgres with grant option;
alter default privileges for role supabase_admin in schema cron
    grant all on tables to postgres with grant option;
alter default privileges for role supabase_admin in schema cron
    grant all on functions to postgres with grant option;
grant all privileges on all tables in schema cron to postgres with grant option;
revoke all on table cron.job from postgres;
grant select on table cron.job to postgres with grant option;
