-- A stand-in for hypopg: it notes no hypothetical index, and lists none.
-- version 1.4.1

create function @extschema@.hypopg_create_index(
    sql_order text,
    out indexrelid oid,
    out indexname text
)
returns setof record
language sql
as $$ select null::oid, null::text where false $$;

create function @extschema@.hypopg_reset()
returns void
language sql
as $$ select $$;

create view @extschema@.hypopg_list_indexes as
select
    null::oid as indexrelid,
    null::text as index_name,
    null::name as schema_name,
    null::name as table_name,
    null::name as am_name
where false;
