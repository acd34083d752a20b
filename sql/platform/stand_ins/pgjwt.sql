-- A stand-in for pgjwt: tokens are signed and verified with the hmac of pgcrypto, which has to be
-- there.
-- version 0.2.0

do $$
begin
    if not exists (select from pg_catalog.pg_extension where extname = 'pgcrypto') then
        raise undefined_object using
            message = 'required extension "pgcrypto" is not installed',
            hint = 'Use CREATE EXTENSION ... CASCADE to install required extensions too.';
    end if;
end
$$;

create function @extschema@.url_encode(data bytea)
returns text
language sql
immutable
set search_path = ''
as $$ select translate(encode(data, 'base64'), e'+/=\n', '-_') $$;

create function @extschema@.url_decode(data text)
returns bytea
language sql
immutable
set search_path = ''
as $$
    select decode(
        translate(data, '-_', '+/') || repeat('=', (4 - length(data) % 4) % 4), 'base64'
    )
$$;

create function @extschema@.algorithm_sign(signables text, secret text, algorithm text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
    place text := (
        select n.nspname from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pgcrypto'
    );
    hash text := case when algorithm in ('HS256', 'HS384', 'HS512')
        then replace(algorithm, 'HS', 'sha') else '' end;
    signature bytea;
begin
    execute format('select %I.hmac($1, $2, $3)', place)
    into signature
    using signables, secret, hash;
    return @extschema@.url_encode(signature);
end
$$;

create function @extschema@.sign(payload json, secret text, algorithm text default 'HS256')
returns text
language sql
immutable
set search_path = ''
as $$
    select signables || '.' || @extschema@.algorithm_sign(signables, secret, algorithm)
    from concat_ws(
        '.',
        @extschema@.url_encode(
            convert_to('{"alg":"' || algorithm || '","typ":"JWT"}', 'UTF8')
        ),
        @extschema@.url_encode(convert_to(payload::text, 'UTF8'))
    ) as signables
$$;

create function @extschema@.try_cast_double(inp text)
returns double precision
language plpgsql
immutable
set search_path = ''
as $$
begin
    return inp::double precision;
exception
    when others then
        return null;
end
$$;

create function @extschema@.verify(token text, secret text, algorithm text default 'HS256')
returns table (header json, payload json, valid boolean)
language sql
immutable
set search_path = ''
as $$
    select
        said.header,
        said.payload,
        said.parts[3] = @extschema@.algorithm_sign(
            said.parts[1] || '.' || said.parts[2], secret, algorithm
        ) and tstzrange(
            to_timestamp(@extschema@.try_cast_double(said.payload ->> 'nbf')),
            to_timestamp(@extschema@.try_cast_double(said.payload ->> 'exp'))
        ) @> now()
    from (
        select
            parts,
            convert_from(@extschema@.url_decode(parts[1]), 'UTF8')::json as header,
            convert_from(@extschema@.url_decode(parts[2]), 'UTF8')::json as payload
        from string_to_array(token, '.') as parts
    ) as said
$$;
