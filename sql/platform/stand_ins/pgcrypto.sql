-- A stand-in for pgcrypto, for servers whose packages leave it out: random bytes, digests, hmac
-- and a password scheme of its own. Encryption and pgp are not here: calling them says 42883.

create function extensions.gen_random_uuid()
returns uuid
language sql
volatile
parallel safe
as $$ select pg_catalog.gen_random_uuid() $$;

create function extensions.gen_random_bytes(integer)
returns bytea
language plpgsql
volatile
strict
parallel safe
set search_path = ''
as $$
begin
    if $1 not between 1 and 1024 then
        raise external_routine_invocation_exception using message = 'Length not in range';
    end if;
    return substr((
        select string_agg(
            sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), ''::bytea
        )
        from generate_series(0, $1 / 32)
    ), 1, $1);
end
$$;

create function extensions.digest(bytea, text)
returns bytea
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
    if lower($2) not in ('md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512') then
        raise invalid_parameter_value using
            message = format('Cannot use "%s": No such hash algorithm', $2);
    end if;
    return case lower($2)
        when 'md5' then decode(md5($1), 'hex')
        when 'sha1' then extensions.usersync_sha1($1)
        when 'sha224' then sha224($1)
        when 'sha256' then sha256($1)
        when 'sha384' then sha384($1)
        when 'sha512' then sha512($1)
    end;
end
$$;

create function extensions.digest(text, text)
returns bytea
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select extensions.digest(convert_to($1, 'UTF8'), $2) $$;

create function extensions.hmac(bytea, bytea, text)
returns bytea
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
    width integer := case when lower($3) in ('sha384', 'sha512') then 128 else 64 end;
    secret bytea := case when length($2) > width then extensions.digest($2, $3) else $2 end;
    inner_pad bytea := decode(repeat('36', width), 'hex');
    outer_pad bytea := decode(repeat('5c', width), 'hex');
begin
    for i in 0 .. length(secret) - 1 loop
        inner_pad := set_byte(inner_pad, i, get_byte(secret, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(secret, i) # 92);
    end loop;
    return extensions.digest(outer_pad || extensions.digest(inner_pad || $1, $3), $3);
end
$$;

create function extensions.hmac(text, text, text)
returns bytea
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select extensions.hmac(convert_to($1, 'UTF8'), convert_to($2, 'UTF8'), $3) $$;

-- A salt is 27 characters, $usersync$ + 16 hex digits + $; crypt() keeps it and adds a SHA-256.
-- So crypt(password, stored) = stored holds for the right password, and for no other.
create function extensions.gen_salt(text)
returns text
language plpgsql
volatile
strict
parallel safe
set search_path = ''
as $$
begin
    if $1 not in ('bf', 'md5', 'xdes', 'des') then
        raise invalid_parameter_value using message = 'gen_salt: Unknown salt algorithm';
    end if;
    return '$usersync$' || encode(extensions.gen_random_bytes(8), 'hex') || '$';
end
$$;

create function extensions.gen_salt(text, integer)
returns text
language sql
volatile
strict
parallel safe
set search_path = ''
as $$ select extensions.gen_salt($1) $$;

create function extensions.crypt(text, text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
    if $2 !~ '^\$usersync\$[0-9a-f]{16}\$' then
        raise feature_not_supported using
            message = 'this server has no pgcrypto, and its stand-in cannot check a real hash',
            hint = 'Make the salt with gen_salt(), or use a PostgreSQL that ships pgcrypto.';
    end if;
    return left($2, 27) || encode(sha256(convert_to(left($2, 27) || $1, 'UTF8')), 'hex');
end
$$;

-- Registered by hand, for the reason given in uuid-ossp.sql.

insert into pg_catalog.pg_extension (
    oid, extname, extowner, extnamespace, extrelocatable, extversion
)
select
    pg_catalog.pg_nextoid('pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'),
    'pgcrypto',
    (select oid from pg_catalog.pg_roles where rolname = current_user),
    'extensions'::regnamespace,
    true,
    '1.3';

insert into pg_catalog.pg_depend (
    classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype
)
select 'pg_catalog.pg_extension'::regclass, oid, 0, 'pg_catalog.pg_namespace'::regclass,
    extnamespace, 0, 'n'
from pg_catalog.pg_extension
where extname = 'pgcrypto';

alter extension pgcrypto add function extensions.gen_random_uuid();
alter extension pgcrypto add function extensions.gen_random_bytes(integer);
alter extension pgcrypto add function extensions.digest(bytea, text);
alter extension pgcrypto add function extensions.digest(text, text);
alter extension pgcrypto add function extensions.hmac(bytea, bytea, text);
alter extension pgcrypto add function extensions.hmac(text, text, text);
alter extension pgcrypto add function extensions.gen_salt(text);
alter extension pgcrypto add function extensions.gen_salt(text, integer);
alter extension pgcrypto add function extensions.crypt(text, text);
