-- A stand-in for uuid-ossp, for servers whose packages leave it out: the same functions, made
-- of what the core has. Made-up parts: the node of a version 1 uuid is random each time.

create function extensions.uuid_nil()
returns uuid
language sql
immutable
parallel safe
as $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;

create function extensions.uuid_ns_dns()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function extensions.uuid_ns_url()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function extensions.uuid_ns_oid()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function extensions.uuid_ns_x500()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function extensions.uuid_generate_v4()
returns uuid
language sql
volatile
parallel safe
as $$ select pg_catalog.gen_random_uuid() $$;

-- 100 ns ticks since 15 October 1582, low part first; clock sequence and node come from a
-- random uuid, whose variant bits stand in the same place.
create function extensions.uuid_generate_v1()
returns uuid
language sql
volatile
parallel safe
set search_path = ''
as $$
    select (
        substr(ticks, 9, 8) || substr(ticks, 5, 4) || '1' || substr(ticks, 2, 3)
        || substr(replace(gen_random_uuid()::text, '-', ''), 17)
    )::uuid
    from (
        select lpad(to_hex(
            (extract(epoch from clock_timestamp()) * 10000000)::bigint + 122192928000000000
        ), 16, '0') as ticks
    ) as clock
$$;

create function extensions.uuid_generate_v1mc()
returns uuid
language sql
volatile
parallel safe
as $$ select extensions.uuid_generate_v1() $$;

create function extensions.uuid_generate_v3(namespace uuid, name text)
returns uuid
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select encode(set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 48),
        8, (get_byte(hash, 8) & 63) | 128), 'hex')::uuid
    from decode(md5(uuid_send(namespace) || convert_to(name, 'UTF8')), 'hex') as hash
$$;

create function extensions.uuid_generate_v5(namespace uuid, name text)
returns uuid
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select encode(set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 80),
        8, (get_byte(hash, 8) & 63) | 128), 'hex')::uuid
    from substr(
        extensions.usersync_sha1(uuid_send(namespace) || convert_to(name, 'UTF8')), 1, 16
    ) as hash
$$;

-- Registered by hand, since "create extension" wants a control file on the server's disk. With
-- the row in place a project's own "create extension if not exists" is answered by PostgreSQL.

insert into pg_catalog.pg_extension (
    oid, extname, extowner, extnamespace, extrelocatable, extversion
)
select
    pg_catalog.pg_nextoid('pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'),
    'uuid-ossp',
    (select oid from pg_catalog.pg_roles where rolname = current_user),
    'extensions'::regnamespace,
    true,
    '1.1';

insert into pg_catalog.pg_depend (
    classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype
)
select 'pg_catalog.pg_extension'::regclass, oid, 0, 'pg_catalog.pg_namespace'::regclass,
    extnamespace, 0, 'n'
from pg_catalog.pg_extension
where extname = 'uuid-ossp';

alter extension "uuid-ossp" add function extensions.uuid_nil();
alter extension "uuid-ossp" add function extensions.uuid_ns_dns();
alter extension "uuid-ossp" add function extensions.uuid_ns_url();
alter extension "uuid-ossp" add function extensions.uuid_ns_oid();
alter extension "uuid-ossp" add function extensions.uuid_ns_x500();
alter extension "uuid-ossp" add function extensions.uuid_generate_v1();
alter extension "uuid-ossp" add function extensions.uuid_generate_v1mc();
alter extension "uuid-ossp" add function extensions.uuid_generate_v3(uuid, text);
alter extension "uuid-ossp" add function extensions.uuid_generate_v4();
alter extension "uuid-ossp" add function extensions.uuid_generate_v5(uuid, text);
