-- A stand-in for http: every request is answered at once with status 200 and an empty json
-- object; nothing is sent.
-- version 1.6

create domain @extschema@.http_method as text;

create type @extschema@.http_header as (field varchar, value varchar);

create type @extschema@.http_request as (
    method @extschema@.http_method,
    uri varchar,
    headers @extschema@.http_header[],
    content_type varchar,
    content varchar
);

create type @extschema@.http_response as (
    status integer,
    content_type varchar,
    headers @extschema@.http_header[],
    content varchar
);

create function @extschema@.http(request @extschema@.http_request)
returns @extschema@.http_response
language plpgsql
set search_path = ''
as $$
begin
    if request.uri is null then
        raise exception 'uri is NULL';
    end if;
    return row(
        200, 'application/json', array[]::@extschema@.http_header[], '{}'
    )::@extschema@.http_response;
end
$$;

create function @extschema@.http_header(field varchar, value varchar)
returns @extschema@.http_header
language sql
as $$ select field, value $$;

create function @extschema@.usersync_http(method text, uri varchar)
returns @extschema@.http_response
language sql
as $$
    select @extschema@.http(row(method, uri, null, null, null)::@extschema@.http_request)
$$;

create function @extschema@.http_get(uri varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('GET', uri) $$;

create function @extschema@.http_get(uri varchar, data jsonb)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('GET', uri) $$;

create function @extschema@.http_post(uri varchar, content varchar, content_type varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('POST', uri) $$;

create function @extschema@.http_post(uri varchar, data jsonb)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('POST', uri) $$;

create function @extschema@.http_put(uri varchar, content varchar, content_type varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('PUT', uri) $$;

create function @extschema@.http_patch(uri varchar, content varchar, content_type varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('PATCH', uri) $$;

create function @extschema@.http_delete(uri varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('DELETE', uri) $$;

create function @extschema@.http_delete(uri varchar, content varchar, content_type varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('DELETE', uri) $$;

create function @extschema@.http_head(uri varchar)
returns @extschema@.http_response
language sql
as $$ select @extschema@.usersync_http('HEAD', uri) $$;

create function @extschema@.http_set_curlopt(curlopt varchar, value varchar)
returns boolean
language sql
as $$ select true $$;

create function @extschema@.http_reset_curlopt()
returns boolean
language sql
as $$ select true $$;

create function @extschema@.urlencode(string varchar)
returns text
language sql
immutable
strict
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

create function @extschema@.urlencode(data jsonb)
returns text
language sql
immutable
strict
set search_path = ''
as $$
    select string_agg(@extschema@.urlencode(key) || '=' || @extschema@.urlencode(value), '&')
    from jsonb_each_text(data)
$$;
