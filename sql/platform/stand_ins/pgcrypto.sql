-- A stand-in for pgcrypto: random bytes, digests, hmac and a password scheme of its own. It has no
-- encryption and no pgp: calling them raises 42883.
-- version 1.3

create function @extschema@.gen_random_uuid()
returns uuid
language sql
volatile
parallel safe
as $$ select pg_catalog.gen_random_uuid() $$;

create function @extschema@.gen_random_bytes(integer)
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

create function @extschema@.digest(bytea, text)
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

create function @extschema@.digest(text, text)
returns bytea
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select @extschema@.digest(convert_to($1, 'UTF8'), $2) $$;

create function @extschema@.hmac(bytea, bytea, text)
returns bytea
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
    width integer := case when lower($3) in ('sha384', 'sha512') then 128 else 64 end;
    secret bytea := case when length($2) > width then @extschema@.digest($2, $3) else $2 end;
    inner_pad bytea := decode(repeat('36', width), 'hex');
    outer_pad bytea := decode(repeat('5c', width), 'hex');
begin
    for i in 0 .. length(secret) - 1 loop
        inner_pad := set_byte(inner_pad, i, get_byte(secret, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(secret, i) # 92);
    end loop;
    return @extschema@.digest(outer_pad || @extschema@.digest(inner_pad || $1, $3), $3);
end
$$;

create function @extschema@.hmac(text, text, text)
returns bytea
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select @extschema@.hmac(convert_to($1, 'UTF8'), convert_to($2, 'UTF8'), $3) $$;

-- A salt is 27 characters, $usersync$ + 16 hex digits + $; crypt() keeps it and adds a SHA-256.
-- So crypt(password, stored) = stored holds for the right password, and for no other.
create function @extschema@.gen_salt(text)
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
    return '$usersync$' || encode(@extschema@.gen_random_bytes(8), 'hex') || '$';
end
$$;

create function @extschema@.gen_salt(text, integer)
returns text
language sql
volatile
strict
parallel safe
set search_path = ''
as $$ select @extschema@.gen_salt($1) $$;

create function @extschema@.crypt(text, text)
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
