-- supabase_functions: database webhooks. They are triggers that call http_request(), which calls
-- pg_net. The extension pg_net must exist, as it does on Supabase if webhooks are enabled.

create schema supabase_functions authorization supabase_admin;
grant usage on schema supabase_functions to postgres, anon, authenticated, service_role;
grant all on schema supabase_functions to supabase_functions_admin;

alter default privileges for role supabase_admin in schema supabase_functions
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema supabase_functions
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema supabase_functions
    grant all on sequences to postgres, anon, authenticated, service_role;

create table supabase_functions.migrations (
    version text primary key,
    inserted_at timestamptz not null default now()
);
insert into supabase_functions.migrations (version)
values ('initial'), ('20210809183423_update_grants');

create table supabase_functions.hooks (
    id bigserial primary key,
    hook_table_id integer not null,
    hook_name text not null,
    created_at timestamptz not null default now(),
    request_id bigint
);
create index supabase_functions_hooks_request_id_idx on supabase_functions.hooks (request_id);
create index supabase_functions_hooks_h_table_id_h_name_idx
    on supabase_functions.hooks (hook_table_id, hook_name);
comment on table supabase_functions.hooks
    is 'Supabase Functions Hooks: Audit trail for triggered hooks.';

create function supabase_functions.http_request()
returns trigger
language plpgsql
security definer
set search_path = supabase_functions
as $$
-- search_path: not empty, for upstream's is this one too.
declare
    url text := nullif(tg_argv[0], 'null');
    method text := nullif(tg_argv[1], 'null');
    headers jsonb := coalesce(nullif(tg_argv[2], 'null'), '{"Content-Type": "application/json"}');
    params jsonb := coalesce(nullif(tg_argv[3], 'null'), '{}');
    patience integer := coalesce(nullif(tg_argv[4], 'null'), '1000');
    request bigint;
begin
    if url is null then
        raise exception 'url argument is missing';
    elsif method is null then
        raise exception 'method argument is missing';
    elsif method = 'GET' then
        request := net.http_get(url, params, headers, patience);
    elsif method = 'POST' then
        request := net.http_post(
            url,
            jsonb_build_object(
                'old_record', old, 'record', new, 'type', tg_op,
                'table', tg_table_name, 'schema', tg_table_schema
            ),
            params, headers, patience
        );
    else
        raise exception 'method argument % is invalid', method;
    end if;
    insert into supabase_functions.hooks (hook_table_id, hook_name, request_id)
    values (tg_relid::bigint::integer, tg_name, request);
    return new;
end
$$;

alter table supabase_functions.migrations owner to supabase_functions_admin;
alter table supabase_functions.hooks owner to supabase_functions_admin;
alter function supabase_functions.http_request() owner to supabase_functions_admin;
revoke all on function supabase_functions.http_request() from public;
grant execute on function supabase_functions.http_request()
    to postgres, anon, authenticated, service_role;
