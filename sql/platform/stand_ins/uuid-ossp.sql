-- A stand-in for uuid-ossp: the same functions, built from the core's. The node of a version 1 uuid is
-- random each time.
-- version 1.1

create function @extschema@.uuid_nil()
returns uuid
language sql
immutable
parallel safe
as $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;

create function @extschema@.uuid_ns_dns()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function @extschema@.uuid_ns_url()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function @extschema@.uuid_ns_oid()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function @extschema@.uuid_ns_x500()
returns uuid
language sql
immutable
parallel safe
as $$ select '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function @extschema@.uuid_generate_v4()
returns uuid
language sql
volatile
parallel safe
as $$ select pg_catalog.gen_random_uuid() $$;

-- 100 ns ticks since 15 October 1582, low part first; clock sequence and node come from a
-- random uuid, whose variant bits stand in the same place.
create function @extschema@.uuid_generate_v1()
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

create function @extschema@.uuid_generate_v1mc()
returns uuid
language sql
volatile
parallel safe
as $$ select @extschema@.uuid_generate_v1() $$;

create function @extschema@.uuid_generate_v3(namespace uuid, name text)
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

create function @extschema@.uuid_generate_v5(namespace uuid, name text)
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
