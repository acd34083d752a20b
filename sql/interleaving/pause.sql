-- Breakpoints: a session of a race says where it is and waits until it is let go on.

-- A session has two keys in turn: before one is given free, the next one is held.
create function usersync_race.halt(place text)
    returns void
    language plpgsql
    security definer
    set search_path = ''
    set client_min_messages = 'notice'
    set lock_timeout = 0
as $$
declare
    slot text := pg_catalog.current_setting('usersync_race.slot', true);
    key integer;
begin
    if slot = '' or slot is null then
        return;
    end if;
    key := slot::integer * 2 + pg_catalog.nextval(('usersync_race.pause_' || slot)::regclass) % 2;
    raise notice 'usersync_race: %', place;
    perform pg_catalog.pg_advisory_lock(1970495845, key);
    perform pg_catalog.pg_advisory_unlock(1970495845, key);
end
$$;

create function usersync_race.halt_write()
    returns trigger
    language plpgsql
    security definer
    set search_path = ''
as $$
begin
    if pg_catalog.current_setting('usersync_race.at_work', true) is distinct from 'on' then
        perform usersync_race.halt(
            pg_catalog.format('%s %s %s', lower(tg_when), lower(tg_op), tg_argv[0])
        );
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    return new;
end
$$;

-- Stable, so that a scan asks once before it begins; the snapshot has been taken by then.
create function usersync_race.halt_read(place text)
    returns boolean
    language plpgsql
    stable
    security definer
    set search_path = ''
as $$
begin
    if pg_catalog.current_setting('usersync_race.at_work', true) is distinct from 'on' then
        perform usersync_race.halt('after select ' || place);
    end if;
    return true;
end
$$;

-- Put a view in the place of a table, with the rights of the table.
create function usersync_race.halt_reads(place regclass)
    returns void
    language plpgsql
    set search_path = ''
as $$
declare
    found record;
    behind text;
begin
    select class.oid, class.relname, class.relacl, class.relowner, schema.nspname
    into strict found
    from pg_catalog.pg_class as class
    join pg_catalog.pg_namespace as schema on schema.oid = class.relnamespace
    where class.oid = place;
    behind := pg_catalog.left('usersync_race_' || found.relname, 63);
    execute pg_catalog.format('alter table %s rename to %I', place, behind);
    delete from usersync_race.tables where relation = found.oid;
    execute pg_catalog.format(
        'create view %1$I.%2$I with (security_invoker = true) as
        select * from %1$I.%3$I where usersync_race.halt_read(%4$L)',
        found.nspname, found.relname, behind, found.nspname || '.' || found.relname
    );
    update pg_catalog.pg_class
    set relacl = found.relacl, relowner = found.relowner
    where oid = pg_catalog.format('%I.%I', found.nspname, found.relname)::regclass;
end
$$;

-- They meet what the project made, so a superuser's rights would be too many.
alter function usersync_race.halt(text) owner to usersync_harness;
alter function usersync_race.halt_write() owner to usersync_harness;
alter function usersync_race.halt_read(text) owner to usersync_harness;
