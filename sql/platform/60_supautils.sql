-- The rights that the platform gives postgres beyond PostgreSQL's own: postgres may create, alter
-- and drop extensions, and create policies and drop triggers on tables of the platform. On Supabase
-- the library supautils does this. Here event triggers lend postgres, for one command, the ownership
-- that the command needs. So it also works inside blocks and functions, and all names, notices and
-- errors are PostgreSQL's own. Only postgres may use the schema.
--
-- Code that runs here as a superuser must not find anything that the project made. Its search_path is
-- "pg_catalog, pg_temp", because with an empty one PostgreSQL looks for tables and types in pg_temp
-- first. No project calls it: event triggers do, and one function that takes a statement apart and
-- puts it together again.

create schema usersync;

-- The extensions that come as a stand-in where the server lacks them; filled by the builder from
-- stand_ins/. A fixed schema is the only one the extension goes to. "after" runs for both kinds.
create table usersync.stand_in (
    name text primary key,
    version text not null,
    schema_name text,
    script text not null,
    after text not null
);

-- Extensions that connect to other databases. On somebody else's server they would reach theirs, so
-- a project has to do without.
create table usersync.withheld_extension (name text primary key);

create function usersync.privileged_extensions()
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select array[
        'address_standardizer', 'address_standardizer_data_us', 'autoinc', 'bloom', 'btree_gin',
        'btree_gist', 'citext', 'cube', 'dblink', 'dict_int', 'dict_xsyn', 'earthdistance',
        'fuzzystrmatch', 'hstore', 'http', 'hypopg', 'index_advisor', 'insert_username',
        'intarray', 'isn', 'ltree', 'moddatetime', 'orioledb', 'pg_cron', 'pg_graphql',
        'pg_hashids', 'pg_jsonschema', 'pg_net', 'pg_partman', 'pg_prewarm', 'pg_repack',
        'pg_stat_monitor', 'pg_stat_statements', 'pg_tle', 'pg_trgm', 'pg_walinspect', 'pgaudit',
        'pgcrypto', 'pgjwt', 'pgmq', 'pgroonga', 'pgroonga_database', 'pgrouting', 'pgrowlocks',
        'pgsodium', 'pgstattuple', 'pgtap', 'plpgsql', 'plpgsql_check', 'plv8', 'postgis',
        'postgis_raster', 'postgis_sfcgal', 'postgis_tiger_geocoder', 'postgis_topology',
        'postgres_fdw', 'refint', 'rum', 'seg', 'sslinfo', 'supabase_vault', 'supautils',
        'tablefunc', 'tcn', 'timescaledb', 'tsm_system_rows', 'tsm_system_time', 'unaccent',
        'uuid-ossp', 'vector', 'wrappers'
    ]
$$;

create function usersync.lent_tables()
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select array[
        'auth.audit_log_entries', 'auth.flow_state', 'auth.identities', 'auth.instances',
        'auth.mfa_amr_claims', 'auth.mfa_challenges', 'auth.mfa_factors', 'auth.oauth_clients',
        'auth.one_time_tokens', 'auth.refresh_tokens', 'auth.saml_providers',
        'auth.saml_relay_states', 'auth.sessions', 'auth.sso_domains', 'auth.sso_providers',
        'auth.users', 'realtime.messages', 'realtime.subscription', 'storage.buckets',
        'storage.migrations', 'storage.objects', 'storage.s3_multipart_uploads',
        'storage.s3_multipart_uploads_parts'
    ]
$$;

-- What the superuser's rights here believe is written by a superuser alone. The right to write all
-- data is not enough: the harness has it, and before PostgreSQL 16 postgres can take it.
create function usersync.only_for_superusers()
returns trigger
language plpgsql
as $$
-- No search_path is set: it must see who writes. All names and operators are qualified instead.
begin
    if not (
        select rolsuper from pg_catalog.pg_roles where rolname operator(pg_catalog.=) current_user
    ) then
        raise insufficient_privilege using
            message = pg_catalog.format('permission denied for table %s', tg_table_name);
    end if;
    return null;
end
$$;

create trigger only_for_superusers
before insert or update or delete or truncate on usersync.stand_in
for each statement execute function usersync.only_for_superusers();
alter table usersync.stand_in enable always trigger only_for_superusers;

-- Register what a stand-in's script made as the extension's own: all that is younger than "since".
create function usersync.adopt(extension oid, since oid)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into pg_catalog.pg_depend (
        classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype
    )
    select made.classid, made.oid, 0, 'pg_catalog.pg_extension'::regclass, extension, 0, 'e'
    from (
        select 'pg_catalog.pg_proc'::regclass as classid, oid from pg_catalog.pg_proc
        union all
        select 'pg_catalog.pg_namespace'::regclass, oid from pg_catalog.pg_namespace
        union all
        select 'pg_catalog.pg_operator'::regclass, oid from pg_catalog.pg_operator
        union all
        select 'pg_catalog.pg_opclass'::regclass, oid from pg_catalog.pg_opclass
        union all
        select 'pg_catalog.pg_opfamily'::regclass, oid from pg_catalog.pg_opfamily
        union all
        select 'pg_catalog.pg_cast'::regclass, oid from pg_catalog.pg_cast
        union all
        select 'pg_catalog.pg_am'::regclass, oid from pg_catalog.pg_am
        union all
        select 'pg_catalog.pg_class'::regclass, oid
        from pg_catalog.pg_class
        where relkind in ('r', 'p', 'v', 'S')
        union all
        select 'pg_catalog.pg_type'::regclass, t.oid
        from pg_catalog.pg_type as t
        left join pg_catalog.pg_class as c on c.oid = t.typrelid
        where coalesce(c.relkind, 'c') = 'c'
            and not exists (select from pg_catalog.pg_type as e where e.typarray = t.oid)
    ) as made
    where made.oid > since
$$;

-- The name of a schema is written into texts of a stand-in, which it must not end.
create function usersync.require_plain(extension text, schema_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if schema_name ~ '[$''"\\]' then
        raise feature_not_supported using message = format(
            'the stand-in for extension "%s" cannot be in schema "%s", whose name has a quote,'
            ' a dollar sign or a backslash',
            extension, schema_name
        );
    end if;
end
$$;

create function usersync.make_stand_in(wanted text, schema_name text, version text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set check_function_bodies = off
set client_min_messages = warning
as $$
declare
    kept usersync.stand_in;
    since oid := pg_catalog.pg_nextoid(
        'pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'
    );
begin
    select * into strict kept from usersync.stand_in as s where s.name = wanted;
    perform usersync.require_plain(wanted, schema_name);
    -- "create extension" itself wants a control file on the server's disk.
    insert into pg_catalog.pg_extension (
        oid, extname, extowner, extnamespace, extrelocatable, extversion
    )
    select since, wanted, r.oid, n.oid, kept.schema_name is null, coalesce(version, kept.version)
    from pg_catalog.pg_roles as r, pg_catalog.pg_namespace as n
    where r.rolname = current_user and n.nspname = schema_name;
    insert into pg_catalog.pg_depend (
        classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype
    )
    select 'pg_catalog.pg_extension'::regclass, e.oid, 0, 'pg_catalog.pg_namespace'::regclass,
        e.extnamespace, 0, 'n'
    from pg_catalog.pg_extension as e
    where e.oid = since;
    execute replace(kept.script, '@extschema@', pg_catalog.quote_ident(schema_name));
    perform usersync.adopt(since, since);
    execute format('comment on extension %I is %L', wanted, 'A stand-in by pytest-usersync.');
end
$$;

-- Take away what an extension would let a project do as a superuser. A server that trusts its own
-- socket lets dblink_connect_u in as anybody, and default privileges grant it. What a stand-in does
-- with its owner's rights it does without a superuser's.
create function usersync.tame(extension text, stands_in boolean)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    routine record;
begin
    for routine in
        select p.oid::regprocedure as name, p.proname = 'dblink_connect_u' as dangerous
        from pg_proc as p
        join pg_depend as d
            on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
        join pg_extension as e
            on e.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass
        where e.extname = extension
            and (p.proname = 'dblink_connect_u' or stands_in and p.prosecdef)
        order by p.oid
    loop
        if routine.dangerous then
            execute format(
                'revoke all on function %s from public, postgres, anon, authenticated,'
                ' service_role',
                routine.name
            );
        else
            execute format('alter function %s owner to usersync_harness', routine.name);
        end if;
    end loop;
end
$$;

create function usersync.add_extension(
    wanted text,
    schema_name text default null,
    version text default null,
    cascades boolean default false,
    otherwise text default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    kept usersync.stand_in;
    place text;
    fixed boolean;
    stands_in boolean := false;
begin
    if exists (select from usersync.withheld_extension as w where w.name = wanted) then
        raise feature_not_supported using
            message = format(
                'extension "%s" is not available on a server that --usersync-dsn names', wanted
            ),
            detail = 'It could connect to the other databases of that server.',
            hint = 'Let the run start a server of its own: leave --usersync-dsn out.';
    end if;
    select * into kept from usersync.stand_in as s where s.name = wanted;
    if schema_name <> kept.schema_name and wanted <> 'pg_cron' then
        raise feature_not_supported using message = format(
            'extension "%s" must be installed in schema "%s"', wanted, kept.schema_name
        );
    end if;
    place := coalesce(kept.schema_name, schema_name, otherwise);
    if place is null then
        raise invalid_schema_name using message = 'no schema has been selected to create in';
    elsif place is distinct from kept.schema_name
        and (place ~ '^pg_' or place in ('information_schema', 'usersync'))
    then
        -- A superuser's rights look for names there.
        raise insufficient_privilege using message = format(
            'permission denied for schema %s', place
        );
    elsif to_regnamespace(quote_ident(place)) is null then
        if kept.schema_name is null then
            raise invalid_schema_name using message = format('schema "%s" does not exist', place);
        end if;
        execute format('create schema %I', place);
    end if;
    -- An extension that says itself where it goes takes no other schema.
    fixed := exists (
        select from pg_available_extension_versions() as v
        where v.name = wanted and v.schema is not null and v.schema <> place
    );
    begin
        -- The version asked for is the platform's; the server has its own.
        execute concat_ws(
            ' ', 'create extension', quote_ident(wanted),
            case when not fixed then 'schema ' || quote_ident(place) end,
            case when cascades then 'cascade' end
        );
    exception
        when feature_not_supported or undefined_file then
            if kept.name is null and wanted in (select name from pg_available_extensions) then
                raise;
            elsif kept.name is null then
                raise undefined_file using
                    message = format(
                        'extension "%s" is not on this server, though the platform has it', wanted
                    ),
                    hint = 'Use a PostgreSQL that has it.';
            end if;
            stands_in := true;
        when others then
            -- Such as pg_cron, which wants to be preloaded.
            if kept.name is null then
                raise;
            end if;
            stands_in := true;
    end;
    if stands_in then
        perform usersync.make_stand_in(wanted, place, version);
    end if;
    begin
        execute coalesce(kept.after, '');
    exception
        when undefined_function or undefined_table or invalid_schema_name then
            -- Another version of the real one may not have all that is granted here.
            if stands_in then
                raise;
            end if;
    end;
    perform usersync.tame(wanted, stands_in);
end
$$;

-- Create what a statement is about to create if it does not exist, and hide the notice that by now
-- it does. Without "if not exists" nothing can be done ahead of the statement: the loader adds it,
-- with the mark "once". A text of several statements is served as a whole. Without a schema the
-- extension goes to "place", the first schema of the caller's path.
create function usersync.create_extension(statement text, place text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    word constant text := '("(?:[^"]|"")+"|[\w$]+)';
    code text := regexp_replace(
        regexp_replace(statement, '/\*(?! once ).*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g'
    );
    one text[];
    wanted text;
begin
    for one in
        select regexp_matches(
            code,
            '\mcreate\s+extension\s*(/\* once \*/)?\s+if\s+not\s+exists\s+' || word || '([^;]*)',
            'gi'
        )
    loop
        wanted := (parse_ident(one[2]))[1];
        if exists (select from pg_extension where extname = wanted) then
            if one[1] is not null then
                raise duplicate_object using message = format(
                    'extension "%s" already exists', wanted
                );
            end if;
        elsif wanted = any (usersync.privileged_extensions()) then
            perform usersync.add_extension(
                wanted,
                (parse_ident(substring(one[3], '(?i)\mschema\s+' || word)))[1],
                btrim(
                    substring(one[3], '(?i)\mversion\s+(''[^'']*''|"[^"]*"|[\w.]+)'), '''"'
                ),
                one[3] ~* '\mcascade\M',
                place
            );
            perform usersync.hush();
        end if;
    end loop;
end
$$;

-- Say nothing below a warning until the command has ended.
create function usersync.hush()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    select set_config('usersync.loudness', current_setting('client_min_messages'), true);
    select set_config('client_min_messages', 'warning', true)
    where current_setting('client_min_messages') <> 'error'
$$;

-- Return whether an object that is no superuser's is part of an extension. Moved by a superuser it
-- would come where its owner may create nothing.
create function usersync.has_foreign_member(extension oid)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_depend as d
        join pg_catalog.pg_shdepend as s
            on s.classid = d.classid and s.objid = d.objid and s.deptype = 'o'
        join pg_catalog.pg_database as b on b.oid = s.dbid and b.datname = current_database()
        join pg_catalog.pg_roles as r on r.oid = s.refobjid
        where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = extension
            and d.deptype = 'e' and not r.rolsuper and r.rolname <> 'usersync_harness'
    )
$$;

-- Move an extension ahead of the statement that says so, which then has nothing left to do: it is
-- the owner of every function who may. The bodies of a stand-in name its schema. The statement may
-- be read wrongly: so nothing is moved but what "mover" may ask for.
create function usersync.move_extension(statement text, mover oid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    word constant text := '("(?:[^"]|"")+"|[\w$]+)';
    said text[] := regexp_match(
        array_to_string(usersync.words(statement), ' '),
        '\malter\s+extension\s+' || word || '\s+set\s+schema\s+' || word, 'i'
    );
    place oid := to_regnamespace(said[2]);
    moved pg_extension;
    stands_in boolean;
    source text;
    target text := place::regnamespace || '.';
begin
    select * into moved
    from pg_extension as e
    where e.extname = (parse_ident(said[1]))[1]
        and e.extname = any (usersync.privileged_extensions());
    if moved.oid is null or place is null or usersync.has_foreign_member(moved.oid)
        or not has_schema_privilege(mover, place, 'create')
    then
        return;
    end if;
    source := moved.extnamespace::regnamespace || '.';
    stands_in := coalesce(
        obj_description(moved.oid, 'pg_extension') = 'A stand-in by pytest-usersync.', false
    );
    if stands_in then
        perform usersync.require_plain(
            moved.extname, (select nspname from pg_namespace where oid = place)
        );
    end if;
    execute format('alter extension %I set schema %s', moved.extname, place::regnamespace);
    if stands_in then
        update pg_proc as p
        set prosrc = replace(
            replace(p.prosrc, source, target), target || 'usersync_sha1', 'extensions.usersync_sha1'
        )
        from pg_depend as d
        where d.refobjid = moved.oid and d.deptype = 'e' and d.objid = p.oid
            and d.classid = 'pg_proc'::regclass;
    end if;
end
$$;

-- What is lent while a command runs, and whose it is; and which event triggers do not fire for it.
-- Only what runs with the superuser's rights here can write it.
create table usersync.lent (
    tag text not null,
    catalog regclass not null,
    object oid not null,
    owner oid,
    enabled "char"
);

create trigger only_for_superusers
before insert or update or delete or truncate on usersync.lent
for each statement execute function usersync.only_for_superusers();
alter table usersync.lent enable always trigger only_for_superusers;

create trigger only_for_superusers
before insert or update or delete or truncate on usersync.withheld_extension
for each statement execute function usersync.only_for_superusers();
alter table usersync.withheld_extension enable always trigger only_for_superusers;

-- Lend "borrower" the tables that a statement about a policy or a trigger may mean, or extensions.
-- Writing the owner down directly leaves privileges and dependencies as they are.
create function usersync.lend(tag text, statement text, path text[], borrower oid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    named text[];
begin
    if tag ~ 'EXTENSION' or tag = 'COMMENT' and statement ~* '\mcomment\s+on\s+extension\M' then
        with held as (
            select oid, extowner
            from pg_extension
            where extname = any (usersync.privileged_extensions()) and extowner <> borrower
        ),
        moved as (
            update pg_extension as e set extowner = borrower from held where e.oid = held.oid
        )
        insert into usersync.lent
        select tag, 'pg_extension'::regclass, oid, extowner from held;
        return;
    end if;
    named := array(
        select lower(part[1] || '.' || part[2])
        from regexp_matches(statement, '\m"?(auth|realtime|storage)"?\s*\.\s*"?(\w+)', 'gi') as part
    ) || array(
        select t.name
        from unnest(usersync.lent_tables()) as t (name)
        where split_part(t.name, '.', 1) = any (path)
    );
    if not named && usersync.lent_tables() then
        return;
    end if;
    with held as (
        select c.oid, c.relowner
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname || '.' || c.relname = any (named)
            and n.nspname || '.' || c.relname = any (usersync.lent_tables())
            and n.nspname in ('auth', 'realtime', 'storage')
            and c.relowner <> borrower
    ),
    moved as (
        update pg_class as c set relowner = borrower from held where c.oid = held.oid
    )
    insert into usersync.lent select tag, 'pg_class'::regclass, oid, relowner from held;
end
$$;

-- Return whether no project may have an event trigger of this name: ours have such names.
create function usersync.is_our_event_trigger(name text)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select name like 'usersync\_%' or name collate "C" >= u&'\+10ffff'
$$;

-- Let no event trigger of the project fire for the rest of a command: it would have what is lent,
-- and in the script of an extension that PostgreSQL trusts it would be run by a superuser.
create function usersync.silence(tag text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
begin
    -- Two statements: after one that does both, PostgreSQL goes on with those that it knew.
    for one in
        select oid, evtenabled
        from pg_event_trigger
        where evtenabled <> 'D' and not usersync.is_our_event_trigger(evtname)
        order by evtname
    loop
        insert into usersync.lent
        values (tag, 'pg_event_trigger'::regclass, one.oid, null, one.evtenabled);
        update pg_event_trigger as e set evtenabled = 'D' where e.oid = one.oid;
    end loop;
end
$$;

-- Three event triggers serve a command. The first runs as the caller and writes down what is asked;
-- whatever was written down before is overwritten, whoever the caller is. The second and the last
-- have the superuser's rights. PostgreSQL fires them by name, and ours are the last that there can
-- be: no event trigger of the project runs between the first two, nor after them until the last.
create function usersync.before_command()
returns event_trigger
language plpgsql
as $$
-- No search_path is set: it runs as the caller, whose path says where an extension goes. All names
-- and operators are qualified instead.
declare
    stack pg_catalog.text;
begin
    get diagnostics stack = pg_context;
    if pg_catalog.has_schema_privilege('usersync', 'usage') and not (
        select rolsuper from pg_catalog.pg_roles where rolname operator(pg_catalog.=) current_user
    ) then
        perform pg_catalog.set_config(
            'usersync.asked',
            pg_catalog.json_build_object(
                'who', current_user,
                'path', pg_catalog.current_schemas(false),
                'stack', stack,
                'query', pg_catalog.current_query()
            )::pg_catalog.text,
            true
        );
    else
        perform pg_catalog.set_config('usersync.asked', '', true);
    end if;
end
$$;

create function usersync.before_command_serve()
returns event_trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    asked json := nullif(current_setting('usersync.asked', true), '')::json;
begin
    if asked is not null then
        -- The second line of the stack names the statement when a block or function runs it.
        perform usersync.serve(
            tg_tag,
            coalesce(
                substring(
                    asked ->> 'stack', '^[^\n]*\nSQL statement "(.*?)"(?:\n(?:PL/pgSQL|SQL) .*)?$'
                ),
                asked ->> 'query'
            ),
            array(select json_array_elements_text(asked -> 'path')),
            (select oid from pg_roles where rolname = asked ->> 'who')
        );
    end if;
    if tg_tag like '% EXTENSION' or exists (select from usersync.lent) then
        perform usersync.silence(tg_tag);
    end if;
end
$$;

create function usersync.serve(tag text, statement text, path text[], who oid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tag = 'ALTER EXTENSION' then
        perform usersync.move_extension(statement, who);
    end if;
    if tag = 'CREATE EXTENSION' then
        perform usersync.create_extension(statement, path[1]);
    elsif tag <> 'COMMENT' or statement ~* '\mcomment\s+on\s+(policy|extension)\M' then
        perform usersync.lend(tag, statement, path, who);
    end if;
end
$$;

-- In the script of an extension other commands end before it does: what is lent comes back when the
-- command ends for which it was lent.
create function usersync.after_command()
returns event_trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    taken name;
begin
    if exists (select from usersync.lent as lent where lent.tag = tg_tag) then
        update pg_class as c
        set relowner = lent.owner
        from usersync.lent as lent
        where lent.catalog = 'pg_class'::regclass and lent.object = c.oid and lent.tag = tg_tag;
        update pg_extension as e
        set extowner = lent.owner
        from usersync.lent as lent
        where lent.catalog = 'pg_extension'::regclass and lent.object = e.oid
            and lent.tag = tg_tag;
        update pg_event_trigger as e
        set evtenabled = lent.enabled
        from usersync.lent as lent
        where lent.catalog = 'pg_event_trigger'::regclass and lent.object = e.oid
            and lent.tag = tg_tag;
        select e.extname into taken
        from usersync.lent as lent
        join pg_extension as e
            on lent.catalog = 'pg_extension'::regclass and lent.object = e.oid
        where lent.tag = tg_tag and tg_tag = 'ALTER EXTENSION'
            and usersync.has_foreign_member(e.oid)
        order by e.extname
        limit 1;
        if taken is not null then
            raise insufficient_privilege using message = format(
                'must be owner of extension %s', taken
            );
        end if;
        delete from usersync.lent as lent where lent.tag = tg_tag;
    end if;
    if current_setting('usersync.loudness', true) <> '' then
        perform set_config('client_min_messages', current_setting('usersync.loudness'), true);
        perform set_config('usersync.loudness', '', true);
    end if;
end
$$;

create event trigger u&"\+10ffffusersync_before_command"
on ddl_command_start
when tag in (
    'ALTER EXTENSION', 'ALTER POLICY', 'COMMENT', 'CREATE EXTENSION', 'CREATE POLICY',
    'DROP EXTENSION', 'DROP POLICY', 'DROP TRIGGER'
)
execute function usersync.before_command();

create event trigger u&"\+10ffffusersync_before_command_serve"
on ddl_command_start
when tag in (
    'ALTER EXTENSION', 'ALTER POLICY', 'COMMENT', 'CREATE EXTENSION', 'CREATE POLICY',
    'DROP EXTENSION', 'DROP POLICY', 'DROP TRIGGER'
)
execute function usersync.before_command_serve();

create event trigger u&"\+10ffffusersync_after_command"
on ddl_command_end
when tag in (
    'ALTER EXTENSION', 'ALTER POLICY', 'COMMENT', 'CREATE EXTENSION', 'CREATE POLICY',
    'DROP EXTENSION', 'DROP POLICY', 'DROP TRIGGER'
)
execute function usersync.after_command();

-- Seeds that were dumped run as replica.
alter event trigger u&"\+10ffffusersync_before_command" enable always;
alter event trigger u&"\+10ffffusersync_before_command_serve" enable always;
alter event trigger u&"\+10ffffusersync_after_command" enable always;

-- Return the words of a statement; comments and blanks are left out.
create function usersync.words(statement text)
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(word[1] order by place)
    from regexp_matches(
        statement,
        $re$(\s+|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/|"(?:[^"]|"")+"|'(?:[^']|'')*'|[\w$]+|.)$re$,
        'g'
    ) with ordinality as found (word, place)
    where word[1] !~ '^(\s|--|/\*)'
$$;

-- Return the name that a word spells, or fail.
create function usersync.name_of(word text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if word like '"%' then
        return replace(substr(word, 2, length(word) - 2), '""', '"');
    elsif word ~ '^[[:alpha:]_]' then
        return lower(word);
    end if;
    raise syntax_error using message = format('a name is expected at %s', coalesce(word, 'the end'));
end
$$;

-- Return the text that a word quotes, or fail.
create function usersync.text_of(word text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if word like '''%' then
        return replace(substr(word, 2, length(word) - 2), '''''', '''');
    end if;
    raise syntax_error using message = format('a text is expected at %s', coalesce(word, 'the end'));
end
$$;

-- Return the name of an event trigger of the project, or fail.
create function usersync.event_trigger_of(word text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if usersync.is_our_event_trigger(usersync.name_of(word)) then
        raise insufficient_privilege using message = 'must be owner of event trigger '
            || usersync.name_of(word);
    end if;
    return quote_ident(usersync.name_of(word));
end
$$;

-- No event trigger fires for event triggers and publications, so a migration reaches them through
-- the loader, and only at the top of a file. The statement is taken apart, and what is executed is
-- put together here: nothing else can be in it.
create function usersync.as_platform(statement text)
returns void
language plpgsql
as $$
-- No search_path is set: the names in the statement mean what they mean to the caller.
begin
    perform usersync.as_platform(statement, pg_catalog.current_schemas(true));
end
$$;

create function usersync.as_platform(statement text, path name[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    words text[] := usersync.words(statement);
    last integer := cardinality(words) - (words[cardinality(words)] = ';')::int;
    code text;
begin
    words := words[:last];
    code := lower(array_to_string(words[:4], ' '));
    if code like 'create publication %' then
        perform usersync.create_publication(words);
    elsif code like 'create event trigger %' then
        execute usersync.create_event_trigger(words, path);
    elsif code like 'alter event trigger %' then
        execute usersync.alter_event_trigger(words);
    elsif code like 'drop event trigger %' then
        execute usersync.drop_event_trigger(words);
    elsif code like 'comment on event trigger%'
        and cardinality(words) = 7 and lower(words[6]) = 'is'
    then
        execute format(
            'comment on event trigger %s is %L', usersync.event_trigger_of(words[5]),
            case when lower(words[7]) <> 'null' then usersync.text_of(words[7]) end
        );
    else
        raise insufficient_privilege using message = 'not a statement of the platform';
    end if;
end
$$;

create function usersync.create_event_trigger(words text[], path name[])
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    code text := lower(array_to_string(words, ' '));
    tags text := '';
    at integer := 7;
    tag text;
    place name;
    called text;
begin
    if lower(words[5]) <> 'on' or usersync.name_of(words[6]) !~ '^[a-z_]+$' then
        raise syntax_error using message = format('syntax error at or near "%s"', words[5]);
    end if;
    if lower(words[7]) = 'when' then
        if code !~ '^create event trigger .* on [a-z_"]+ when "?tag"? in \(' then
            raise syntax_error using message = 'when filters an event trigger only by tag';
        end if;
        at := array_position(words, ')', 11) + 1;
        foreach tag in array words[11:at - 2] loop
            tags := tags || case when tag = ',' then ', ' else quote_literal(usersync.text_of(tag)) end;
        end loop;
        tags := format('when tag in (%s)', tags);
    end if;
    if lower(array_to_string(words[at:at + 1], ' ')) not in ('execute function', 'execute procedure')
        or words[cardinality(words) - 1:] <> array['(', ')']
        or cardinality(words) not in (at + 4, at + 6)
        or cardinality(words) = at + 6 and words[at + 3] <> '.'
    then
        raise syntax_error using message = 'an event trigger ends with: execute function name()';
    end if;
    called := usersync.name_of(words[cardinality(words) - 2]);
    if cardinality(words) = at + 6 then
        place := usersync.name_of(words[at + 2]);
    else
        select s.name into place
        from unnest(path) with ordinality as s (name, number)
        join pg_namespace as n on n.nspname = s.name
        join pg_proc as p on p.pronamespace = n.oid and p.proname = called and p.pronargs = 0
        order by s.number
        limit 1;
    end if;
    if place is null then
        raise undefined_function using message = format('function %s() does not exist', called);
    elsif place = 'usersync' then
        raise insufficient_privilege using message = 'permission denied for schema usersync';
    end if;
    return format(
        'create event trigger %s on %I %s execute function %I.%I()',
        usersync.event_trigger_of(words[4]), usersync.name_of(words[6]), tags, place, called
    );
end
$$;

-- For the superuser, and for what the platform does in a project's name, no event trigger of the
-- project fires: on the platform none does for those whom it reserves. Before PostgreSQL 17 this
-- holds because they run as replica, so there an event trigger cannot be one that fires even then.
create function usersync.alter_event_trigger(words text[])
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    change text := lower(array_to_string(words[5:], ' '));
    kept constant boolean := current_setting('server_version_num')::int >= 170000;
begin
    if change in ('disable', 'enable') or change in ('enable always', 'enable replica') and kept then
        return format(
            'alter event trigger %s %s', usersync.event_trigger_of(words[4]), change
        );
    elsif change in ('enable always', 'enable replica') then
        return format('alter event trigger %s enable', usersync.event_trigger_of(words[4]));
    elsif change like 'owner to %' and cardinality(words) = 7 then
        return format(
            'alter event trigger %s owner to %I', usersync.event_trigger_of(words[4]),
            usersync.name_of(words[7])
        );
    elsif change like 'rename to %' and cardinality(words) = 7 then
        return format(
            'alter event trigger %s rename to %s', usersync.event_trigger_of(words[4]),
            usersync.event_trigger_of(words[7])
        );
    end if;
    raise syntax_error using message = format('syntax error at or near "%s"', words[5]);
end
$$;

create function usersync.drop_event_trigger(words text[])
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    lenient constant boolean := lower(array_to_string(words[4:5], ' ')) = 'if exists';
    at constant integer := 4 + 2 * lenient::int;
    rest constant text := lower(array_to_string(words[at + 1:], ' '));
begin
    if rest not in ('', 'cascade', 'restrict') then
        raise syntax_error using message = format('syntax error at or near "%s"', words[at + 1]);
    end if;
    return format(
        'drop event trigger %s %s %s', case when lenient then 'if exists' end,
        usersync.event_trigger_of(words[at]), rest
    );
end
$$;

-- Create a publication of all tables or of whole schemas, which then belongs to postgres.
create function usersync.create_publication(words text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := quote_ident(usersync.name_of(words[3]));
    code constant text := lower(array_to_string(words, ' '));
    at integer := 7;
    listed text := 'all tables';
    options text := '';
begin
    if code like 'create publication % for tables in schema %' then
        listed := 'tables in schema ' || quote_ident(usersync.name_of(words[8]));
        at := 9;
        while words[at] = ',' loop
            if lower(array_to_string(words[at + 1:at + 3], ' ')) = 'tables in schema' then
                at := at + 3;
            end if;
            listed := listed || ', ' || quote_ident(usersync.name_of(words[at + 1]));
            at := at + 2;
        end loop;
    elsif code not like 'create publication % for all tables%' then
        raise insufficient_privilege using message = 'not a statement of the platform';
    end if;
    if lower(words[at]) = 'with' and words[at + 1] = '(' then
        at := at + 2;
        while words[at + 1] = '=' loop
            options := concat_ws(
                ', ', nullif(options, ''),
                format(
                    '%I = %L', usersync.name_of(words[at]),
                    case
                        when words[at + 2] like '''%' then usersync.text_of(words[at + 2])
                        else usersync.name_of(words[at + 2])
                    end
                )
            );
            at := at + 3 + (words[at + 3] = ',')::int;
        end loop;
        options := format('with (%s)', options);
        at := at + (words[at] = ')')::int;
    end if;
    if at <= cardinality(words) then
        raise syntax_error using message = format('syntax error at or near "%s"', words[at]);
    end if;
    execute format('create publication %s for %s %s', name, listed, options);
    execute format('alter publication %s owner to postgres', name);
end
$$;

-- The database that a project calls postgres has another name here.
create function usersync.change_database(statement text)
returns void
language plpgsql
as $$
-- No search_path is set: it runs as the caller.
begin
    -- The brackets keep the builder from taking the word for the role.
    execute pg_catalog.regexp_replace(
        statement, '(?i)(\mdatabase\s+)("postgre[s]"|postgre[s]\M)',
        '\1' || pg_catalog.quote_ident(pg_catalog.current_database())
    );
end
$$;

-- No event trigger of the project fires for what these do; see usersync.alter_event_trigger.
do $$
declare
    quiet constant text := case
        when current_setting('server_version_num')::int >= 170000 then 'event_triggers = off'
        else 'session_replication_role = replica'
    end;
begin
    execute format('alter function usersync.before_command_serve() set %s', quiet);
    execute format('alter function usersync.as_platform(text, name[]) set %s', quiet);
end
$$;

revoke execute on all functions in schema usersync from public;
grant usage on schema usersync to postgres;
grant execute on function
    usersync.as_platform(text),
    usersync.as_platform(text, name[]),
    usersync.change_database(text)
to postgres;
