-- What the platform lets postgres do although PostgreSQL alone would not; there it is the work of
-- a library, supautils. It may create, alter and drop extensions, and put policies on tables of
-- the platform and drop triggers from them. Here event triggers lend it, for one command, the
-- ownership that the command asks for. So it holds inside blocks and functions as well, and all
-- names, notices and errors are PostgreSQL's own. Only postgres may use the schema.

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

create function usersync.privileged_extensions()
returns text[]
language sql
immutable
set search_path = ''
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
set search_path = ''
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

-- Register what a stand-in's script made as the extension's own: all that is younger than "since".
create function usersync.adopt(extension oid, since oid)
returns void
language sql
set search_path = ''
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

create function usersync.make_stand_in(wanted text, schema_name text, version text)
returns void
language plpgsql
set search_path = ''
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

create function usersync.add_extension(
    wanted text,
    schema_name text default null,
    version text default null,
    cascades boolean default false
)
returns void
language plpgsql
as $$
-- No search_path is set: without a schema the extension goes where the caller's path says.
declare
    kept usersync.stand_in;
    place text;
    stands_in boolean := false;
begin
    select * into kept from usersync.stand_in as s where s.name = wanted;
    if schema_name <> kept.schema_name and wanted <> 'pg_cron' then
        raise feature_not_supported using message = pg_catalog.format(
            'extension "%s" must be installed in schema "%s"', wanted, kept.schema_name
        );
    end if;
    place := coalesce(kept.schema_name, schema_name, pg_catalog.current_schema());
    if pg_catalog.to_regnamespace(pg_catalog.quote_ident(place)) is null then
        if kept.schema_name is null then
            raise invalid_schema_name using message = pg_catalog.format(
                'schema "%s" does not exist', place
            );
        end if;
        execute pg_catalog.format('create schema %I', place);
    end if;
    begin
        -- The version asked for is the platform's; the server has its own.
        execute pg_catalog.concat_ws(
            ' ', 'create extension', pg_catalog.quote_ident(wanted),
            'schema ' || pg_catalog.quote_ident(coalesce(kept.schema_name, schema_name)),
            case when cascades then 'cascade' end
        );
    exception
        when feature_not_supported or undefined_file then
            if kept.name is null and wanted in (
                select name from pg_catalog.pg_available_extensions
            ) then
                raise;
            elsif kept.name is null then
                raise undefined_file using
                    message = pg_catalog.format(
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
end
$$;

-- Create what a statement is about to create if it does not exist, and hide the notice that by now
-- it does. Without "if not exists" nothing can be done ahead of the statement: the loader adds it,
-- with the mark "once". A text of several statements is served as a whole.
create function usersync.create_extension(statement text)
returns void
language plpgsql
security definer
as $$
-- No search_path is set: without a schema the extension goes where the caller's path says.
declare
    word constant text := '("(?:[^"]|"")+"|[\w$]+)';
    code text := pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(statement, '/\*(?! once ).*?\*/', ' ', 'g'),
        '--[^\n]*', ' ', 'g'
    );
    one text[];
    wanted text;
begin
    for one in
        select pg_catalog.regexp_matches(
            code,
            '\mcreate\s+extension\s*(/\* once \*/)?\s+if\s+not\s+exists\s+' || word || '([^;]*)',
            'gi'
        )
    loop
        wanted := (pg_catalog.parse_ident(one[2]))[1];
        if exists (select from pg_catalog.pg_extension where extname = wanted) then
            if one[1] is not null then
                raise duplicate_object using message = pg_catalog.format(
                    'extension "%s" already exists', wanted
                );
            end if;
        elsif wanted = any (usersync.privileged_extensions()) then
            perform usersync.add_extension(
                wanted,
                (pg_catalog.parse_ident(
                    pg_catalog.substring(one[3], '(?i)\mschema\s+' || word)
                ))[1],
                pg_catalog.btrim(
                    pg_catalog.substring(one[3], '(?i)\mversion\s+(''[^'']*''|"[^"]*"|[\w.]+)'),
                    '''"'
                ),
                one[3] ~* '\mcascade\M'
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
set search_path = ''
as $$
    select set_config('usersync.loudness', current_setting('client_min_messages'), true);
    select set_config('client_min_messages', 'warning', true)
    where current_setting('client_min_messages') <> 'error'
$$;

-- Move an extension ahead of the statement that says so, which then has nothing left to do: it is
-- the owner of every function who may. The bodies of a stand-in name its schema.
create function usersync.move_extension(statement text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
    word constant text := '("(?:[^"]|"")+"|[\w$]+)';
    said text[] := regexp_match(
        regexp_replace(statement, '--[^\n]*', ' ', 'g'),
        '\malter\s+extension\s+' || word || '\s+set\s+schema\s+' || word, 'i'
    );
    moved pg_extension;
    source text;
    target text := to_regnamespace(said[2]) || '.';
begin
    select * into moved
    from pg_extension as e
    where e.extname = (parse_ident(said[1]))[1]
        and e.extname = any (usersync.privileged_extensions());
    if moved.oid is null or target is null then
        return;
    end if;
    source := moved.extnamespace::regnamespace || '.';
    execute format('alter extension %I set schema %s', moved.extname, said[2]);
    if obj_description(moved.oid, 'pg_extension') = 'A stand-in by pytest-usersync.' then
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

-- Lend "borrower" the tables that a statement about a policy or a trigger may mean, or extensions,
-- and keep in a setting of the transaction whose they are. Writing the owner down directly leaves
-- privileges and dependencies as they are.
create function usersync.lend(tag text, statement text, borrower oid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
    path text[] := string_to_array(current_setting('usersync.path'), ',');
    named text[];
    lent jsonb;
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
        select jsonb_object_agg(oid, extowner) into lent from held;
    else
        named := array(
            select lower(part[1] || '.' || part[2])
            from regexp_matches(
                statement, '\m"?(auth|realtime|storage)"?\s*\.\s*"?(\w+)', 'gi'
            ) as part
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
        select jsonb_object_agg(oid, relowner) into lent from held;
    end if;
    perform set_config('usersync.lent', coalesce(lent::text, ''), true);
end
$$;

create function usersync.take_back()
returns void
language sql
security definer
set search_path = ''
as $$
    update pg_catalog.pg_class as c
    set relowner = lent.value::oid
    from pg_catalog.jsonb_each_text(pg_catalog.current_setting('usersync.lent')::jsonb) as lent
    where c.oid = lent.key::oid;
    update pg_catalog.pg_extension as e
    set extowner = lent.value::oid
    from pg_catalog.jsonb_each_text(pg_catalog.current_setting('usersync.lent')::jsonb) as lent
    where e.oid = lent.key::oid;
    select pg_catalog.set_config('usersync.lent', '', true)
$$;

create function usersync.before_command()
returns event_trigger
language plpgsql
as $$
-- No search_path is set: it runs as the caller, whose path says where an extension goes.
declare
    path text;
    stack text;
    statement text;
begin
    if not pg_catalog.has_schema_privilege('usersync', 'usage')
        or (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
    then
        return;
    end if;
    get diagnostics stack = pg_context;
    -- The second line names the statement when a block or function runs it.
    statement := coalesce(
        pg_catalog.substring(stack, '^[^\n]*\nSQL statement "(.*?)"(?:\n(?:PL/pgSQL|SQL) .*)?$'),
        pg_catalog.current_query()
    );
    if tg_tag = 'ALTER EXTENSION' then
        perform usersync.move_extension(statement);
    end if;
    if tg_tag = 'CREATE EXTENSION' then
        perform usersync.create_extension(statement);
    elsif tg_tag <> 'COMMENT' or statement ~* '\mcomment\s+on\s+(policy|extension)\M' then
        path := pg_catalog.array_to_string(pg_catalog.current_schemas(false), ',');
        perform pg_catalog.set_config('usersync.path', path, true);
        perform usersync.lend(
            tg_tag, statement, (select oid from pg_catalog.pg_roles where rolname = current_user)
        );
    end if;
end
$$;

create function usersync.after_command()
returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
    if current_setting('usersync.lent', true) <> '' then
        perform usersync.take_back();
    end if;
    if current_setting('usersync.loudness', true) <> '' then
        perform set_config('client_min_messages', current_setting('usersync.loudness'), true);
        perform set_config('usersync.loudness', '', true);
    end if;
end
$$;

create event trigger usersync_before_command
on ddl_command_start
when tag in (
    'ALTER EXTENSION', 'ALTER POLICY', 'COMMENT', 'CREATE EXTENSION', 'CREATE POLICY',
    'DROP EXTENSION', 'DROP POLICY', 'DROP TRIGGER'
)
execute function usersync.before_command();

create event trigger usersync_after_command
on ddl_command_end
when tag in (
    'ALTER EXTENSION', 'ALTER POLICY', 'COMMENT', 'CREATE EXTENSION', 'CREATE POLICY',
    'DROP EXTENSION', 'DROP POLICY', 'DROP TRIGGER'
)
execute function usersync.after_command();

-- Seeds that were dumped run as replica.
alter event trigger usersync_before_command enable always;
alter event trigger usersync_after_command enable always;

-- No event trigger fires for these, so a migration reaches them through the loader, and only at
-- the top of a file: event triggers, and publications of all tables.
create function usersync.as_platform(statement text)
returns void
language plpgsql
security definer
as $$
-- No search_path is set: the names in the statement mean what they mean to the caller.
declare
    code text := pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(statement, '/\*.*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g'
    );
    publication text := pg_catalog.substring(
        code, '(?i)^\s*create\s+publication\s+("(?:[^"]|"")+"|[\w$]+)'
    );
begin
    if publication is null and code !~* '^\s*(create|alter|drop|comment\s+on)\s+event\s+trigger\M'
    then
        raise insufficient_privilege using message = 'not a statement of the platform';
    elsif code ~* '\musersync_(before|after)_command\M' then
        raise insufficient_privilege using message = 'must be owner of event trigger';
    end if;
    execute statement;
    if publication is not null then
        execute pg_catalog.format('alter publication %s owner to postgres', publication);
    end if;
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

revoke execute on all functions in schema usersync from public;
grant usage on schema usersync to postgres;
grant execute on function
    usersync.create_extension(text),
    usersync.move_extension(text),
    usersync.lend(text, text, oid),
    usersync.take_back(),
    usersync.as_platform(text),
    usersync.change_database(text)
to postgres;
