-- A stand-in for pg_stat_statements: its view has no rows.
-- version 1.10

create view @extschema@.pg_stat_statements as
select
    null::oid as userid,
    null::oid as dbid,
    null::boolean as toplevel,
    null::bigint as queryid,
    null::text as query,
    null::bigint as plans,
    null::double precision as total_plan_time,
    null::bigint as calls,
    null::double precision as total_exec_time,
    null::double precision as min_exec_time,
    null::double precision as max_exec_time,
    null::double precision as mean_exec_time,
    null::double precision as stddev_exec_time,
    null::bigint as rows,
    null::bigint as shared_blks_hit,
    null::bigint as shared_blks_read
where false;

create function @extschema@.pg_stat_statements_reset(
    userid oid default 0,
    dbid oid default 0,
    queryid bigint default 0
)
returns void
language sql
as $$ select $$;

grant select on table @extschema@.pg_stat_statements to public;
revoke all on function @extschema@.pg_stat_statements_reset(oid, oid, bigint) from public;
