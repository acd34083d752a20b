-- The log of what the sessions of a race write: by it a schedule is taken back, and seen for what it did.

create schema usersync_race;

create unlogged table usersync_race.log (
    seq bigint generated always as identity,
    pid integer not null default pg_catalog.pg_backend_pid(),
    relation oid not null,
    was text,
    is_now text,
    was_shown jsonb,
    is_shown jsonb
);

-- How rows of a table are put back and taken away; each takes an array of rows as text.
create unlogged table usersync_race.tables (
    relation oid primary key,
    put text not null,
    take text not null
);

create unlogged table usersync_race.sequences (
    relation oid primary key,
    last_value bigint,
    start_value bigint not null
);

-- Definer, because the sessions have no rights here; the formats, because a session may have others.
create function usersync_race.note()
    returns trigger
    language plpgsql
    security definer
    set search_path = ''
    set datestyle = 'ISO, YMD'
    set intervalstyle = 'postgres'
    set extra_float_digits = 1
as $$
begin
    insert into usersync_race.log (relation, was, is_now, was_shown, is_shown)
    values (
        tg_relid,
        case when tg_op <> 'INSERT' then old::text end,
        case when tg_op <> 'DELETE' then new::text end,
        case when tg_op <> 'INSERT' then pg_catalog.to_jsonb(old) end,
        case when tg_op <> 'DELETE' then pg_catalog.to_jsonb(new) end
    );
    return null;
end
$$;

create function usersync_race.note_truncate()
    returns trigger
    language plpgsql
    security definer
    set search_path = ''
    set datestyle = 'ISO, YMD'
    set intervalstyle = 'postgres'
    set extra_float_digits = 1
as $$
begin
    execute pg_catalog.format(
        'insert into usersync_race.log (relation, was, was_shown)
        select %s, (t.*)::text, pg_catalog.to_jsonb(t.*) from only %s as t',
        tg_relid,
        tg_relid::regclass
    );
    return null;
end
$$;

-- What the transaction of the session that asks has locked, a line for each: what, how, of which kind.
-- Its plan lives as long as the session, whatever is deallocated.
create function usersync_race.locks()
    returns text
    language plpgsql
as $$
begin
    return (
        select pg_catalog.string_agg(
            coalesce(relation::pg_catalog.text, 'advisory ' || classid || ',' || objid)
                || '|' || mode || '|' || locktype,
            '/'
        )
        from pg_catalog.pg_locks
        where pid = pg_catalog.pg_backend_pid() and locktype in ('relation', 'advisory')
    );
end
$$;

grant usage on schema usersync_race to public;

-- What changes the catalog is not taken back; relation 0 says that it happened.
create function usersync_race.note_ddl()
    returns event_trigger
    language plpgsql
    security definer
    set search_path = ''
as $$
begin
    if pg_catalog.current_setting('usersync_race.at_work', true) = 'on' then
        return;
    end if;
    if tg_event = 'sql_drop' then
        insert into usersync_race.log (relation)
        select 0 where exists (
            select from pg_catalog.pg_event_trigger_dropped_objects() where not is_temporary
        );
    else
        insert into usersync_race.log (relation)
        select 0 where exists (
            select from pg_catalog.pg_event_trigger_ddl_commands()
            where schema_name is distinct from 'pg_temp'
        );
    end if;
end
$$;

create event trigger usersync_race_ddl on ddl_command_end
    execute function usersync_race.note_ddl();
create event trigger usersync_race_drop on sql_drop
    execute function usersync_race.note_ddl();

-- Put the log on every table that has none yet.
create function usersync_race.watch()
    returns void
    language plpgsql
    set search_path = ''
as $$
declare
    found record;
begin
    perform pg_catalog.set_config('usersync_race.at_work', 'on', true);
    for found in
        select
            class.oid,
            class.oid::regclass::text as name,
            class.relkind,
            pg_catalog.string_agg(pg_catalog.quote_ident(one.attname), ', ' order by one.attnum)
                filter (where one.attgenerated = '') as columns,
            pg_catalog.string_agg('x.' || pg_catalog.quote_ident(one.attname), ', ' order by one.attnum)
                filter (where one.attgenerated = '') as values,
            (
                select pg_catalog.string_agg(
                    pg_catalog.format('t.%1$I = x.%1$I', part.attname), ' and ' order by part.attnum
                )
                from pg_catalog.pg_index as key
                join pg_catalog.pg_attribute as part
                    on part.attrelid = key.indrelid and part.attnum = any (key.indkey)
                where key.indrelid = class.oid and key.indisprimary
            ) as same
        from pg_catalog.pg_class as class
        join pg_catalog.pg_namespace as schema on schema.oid = class.relnamespace
        left join pg_catalog.pg_attribute as one
            on one.attrelid = class.oid and one.attnum > 0 and not one.attisdropped
        where class.relkind in ('r', 'p')
            and class.relpersistence <> 't'
            and schema.nspname not in (
                'pg_catalog', 'information_schema', 'usersync', 'usersync_race'
            )
            and not exists (
                select from usersync_race.tables as known where known.relation = class.oid
            )
        group by class.oid
        order by class.oid
    loop
        insert into usersync_race.tables (relation, put, take)
        values (
            found.oid,
            pg_catalog.format(
                case
                    when found.columns is null then 'insert into %1$s select from unnest($1::text[])'
                    else
                        'insert into %1$s (%2$s) overriding system value
                        select %3$s from unnest($1::text[]::%1$s[]) as x'
                end,
                found.name, found.columns, found.values
            ),
            pg_catalog.format(
                case
                    when found.same is not null then
                        'delete from only %1$s as t using unnest($1::text[]::%1$s[]) as x where %2$s'
                    else
                        'delete from only %1$s as t
                        using (
                            select o.ctid, (o.*)::text as row,
                                row_number() over (partition by (o.*)::text) as copy
                            from only %1$s as o
                        ) as o
                        join (
                            select x as row, row_number() over (partition by x) as copy
                            from unnest($1::text[]) as x
                        ) as x on x.row = o.row and x.copy = o.copy
                        where t.ctid = o.ctid'
                end,
                found.name, found.same
            )
        );
        if found.relkind = 'p' then
            continue;
        end if;
        execute pg_catalog.format(
            'create or replace trigger "~usersync_race_note" after insert or update or delete on %1$s
            for each row when (pg_catalog.current_setting(''usersync_race.at_work'', true) is distinct from ''on'')
            execute function usersync_race.note()',
            found.name
        );
        execute pg_catalog.format(
            'create or replace trigger "~usersync_race_truncate" before truncate on %1$s
            for each statement execute function usersync_race.note_truncate()',
            found.name
        );
        execute pg_catalog.format(
            'alter table %1$s
                enable always trigger "~usersync_race_note",
                enable always trigger "~usersync_race_truncate"',
            found.name
        );
    end loop;
end
$$;

-- Remember what cannot be rolled back, and return how far the log is.
create function usersync_race.mark()
    returns bigint
    language plpgsql
    set search_path = ''
as $$
begin
    delete from usersync_race.sequences;
    insert into usersync_race.sequences (relation, last_value, start_value)
    select
        sequence.seqrelid,
        pg_catalog.pg_sequence_last_value(sequence.seqrelid),
        sequence.seqstart
    from pg_catalog.pg_sequence as sequence
    join pg_catalog.pg_class as class on class.oid = sequence.seqrelid
    join pg_catalog.pg_namespace as schema on schema.oid = class.relnamespace
    where schema.nspname not in ('pg_catalog', 'usersync_race') and class.relpersistence <> 't';
    return coalesce((select max(seq) from usersync_race.log), 0);
end
$$;

select usersync_race.watch();

-- They meet what the project made, so a superuser's rights would be too many.
alter function usersync_race.note() owner to usersync_harness;
alter function usersync_race.note_truncate() owner to usersync_harness;
alter function usersync_race.note_ddl() owner to usersync_harness;
