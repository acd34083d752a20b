-- A stand-in for pg_net: a request is written to net.http_request_queue and stays there; nothing
-- is sent, and no response comes.
-- version 0.20.4

create schema net;

create domain net.http_method as text
check (value ilike 'get' or value ilike 'post' or value ilike 'delete');

create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');
create type net.http_response as (status_code integer, headers jsonb, body text);
create type net.http_response_result as (
    status net.request_status,
    message text,
    response net.http_response
);

create unlogged table net.http_request_queue (
    id bigserial,
    method net.http_method not null,
    url text not null,
    headers jsonb,
    body bytea,
    timeout_milliseconds integer not null
);

create unlogged table net._http_response (
    id bigint,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out boolean,
    error_msg text,
    created timestamptz not null default now()
);
create index on net._http_response (created);

create function net._urlencode_string(string varchar)
returns text
language sql
immutable
set search_path = ''
as $$
    select coalesce(string_agg(
        case
            when byte between 48 and 57 or byte between 65 and 90 or byte between 97 and 122
                or byte in (45, 46, 95, 126)
            then chr(byte)
            else '%' || upper(lpad(to_hex(byte), 2, '0'))
        end,
        '' order by place
    ), '')
    from (
        select place, get_byte(convert_to(string, 'UTF8'), place) as byte
        from generate_series(0, octet_length(string) - 1) as place
    ) as bytes
$$;

create function net._encode_url_with_params_array(url text, params_array text[])
returns text
language sql
immutable
set search_path = ''
as $$
    select url || case
        when coalesce(cardinality(params_array), 0) = 0 then ''
        when strpos(url, '?') > 0 then '&'
        else '?'
    end || coalesce(array_to_string(params_array, '&'), '')
$$;

create function net.usersync_request(
    method text,
    url text,
    params jsonb,
    headers jsonb,
    body jsonb,
    timeout_milliseconds integer
)
returns bigint
language sql
set search_path = ''
as $$
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values (
        $1,
        net._encode_url_with_params_array($2, array(
            select net._urlencode_string(key) || '=' || net._urlencode_string(value)
            from jsonb_each_text($3)
        )),
        $4,
        convert_to($5::text, 'UTF8'),
        $6
    )
    returning id
$$;

create function net.http_get(
    url text,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{}'::jsonb,
    timeout_milliseconds integer default 5000
)
returns bigint
language sql
as $$ select net.usersync_request('GET', url, params, headers, null, timeout_milliseconds) $$;

create function net.http_post(
    url text,
    body jsonb default '{}'::jsonb,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
    timeout_milliseconds integer default 5000
)
returns bigint
language plpgsql
as $$
declare
    kind text := (
        select value from pg_catalog.jsonb_each_text(coalesce(headers, '{}'::jsonb))
        where pg_catalog.lower(key) = 'content-type'
        order by key
        limit 1
    );
begin
    if kind is null then
        headers := headers || '{"Content-Type": "application/json"}'::jsonb;
    elsif kind <> 'application/json' then
        raise exception 'Content-Type header must be "application/json"';
    end if;
    return net.usersync_request('POST', url, params, headers, body, timeout_milliseconds);
end
$$;

create function net.http_delete(
    url text,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{}'::jsonb,
    timeout_milliseconds integer default 5000,
    body jsonb default null
)
returns bigint
language sql
as $$ select net.usersync_request('DELETE', url, params, headers, body, timeout_milliseconds) $$;

create function net._http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language sql
as $$
    select row('ERROR', 'request matching request_id not found', null)::net.http_response_result
$$;

create function net.http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language sql
as $$ select net._http_collect_response(request_id, async) $$;

create function net.check_worker_is_up()
returns void
language sql
as $$ select $$;

create function net.worker_restart()
returns boolean
language sql
as $$ select true $$;

grant usage on schema net to public;
grant all on all sequences in schema net to public;
grant all on all tables in schema net to public;

-- after

grant usage on schema net
    to supabase_functions_admin, postgres, anon, authenticated, service_role;
alter function net.http_get(text, jsonb, jsonb, integer) security definer;
alter function net.http_post(text, jsonb, jsonb, jsonb, integer) security definer;
alter function net.http_get(text, jsonb, jsonb, integer) set search_path = net;
alter function net.http_post(text, jsonb, jsonb, jsonb, integer) set search_path = net;
revoke all on function net.http_get(text, jsonb, jsonb, integer) from public;
revoke all on function net.http_post(text, jsonb, jsonb, jsonb, integer) from public;
grant execute on function net.http_get(text, jsonb, jsonb, integer)
    to supabase_functions_admin, postgres, anon, authenticated, service_role;
grant execute on function net.http_post(text, jsonb, jsonb, jsonb, integer)
    to supabase_functions_admin, postgres, anon, authenticated, service_role;
