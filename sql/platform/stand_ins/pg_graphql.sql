-- A stand-in for pg_graphql: its schemas, functions and rights are there, and every query is
-- answered with an error.
-- version 1.5.11, schema graphql

create function graphql.comment_directive(comment_ text)
returns jsonb
language sql
immutable
set search_path = ''
as $$ select coalesce(substring(comment_, '@graphql\((.*)\)')::jsonb, '{}'::jsonb) $$;

create function graphql.exception(message text)
returns text
language plpgsql
set search_path = ''
as $$
begin
    raise exception using errcode = '22000', message = message;
end
$$;

create function graphql.resolve(
    query text,
    variables jsonb default '{}'::jsonb,
    "operationName" text default null,
    extensions jsonb default null
)
returns jsonb
language sql
set search_path = ''
as $$
    select jsonb_build_object(
        'data', null,
        'errors', jsonb_build_array(jsonb_build_object(
            'message', 'this server has no pg_graphql, and its stand-in answers no query'
        ))
    )
$$;

-- after

create or replace function graphql_public.graphql(
    "operationName" text default null,
    query text default null,
    variables jsonb default null,
    extensions jsonb default null
)
returns jsonb
language sql
as $$
    select graphql.resolve(
        query := query,
        variables := coalesce(variables, '{}'),
        "operationName" := "operationName",
        extensions := extensions
    )
$$;

grant usage on schema graphql to postgres, anon, authenticated, service_role;
grant execute on all functions in schema graphql to postgres, anon, authenticated, service_role;
grant usage on schema graphql, graphql_public to postgres with grant option;
