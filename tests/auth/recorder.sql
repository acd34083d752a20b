-- Statement triggers see every statement, also one that finds no row; row triggers see the values.
create schema recorder;
grant usage on schema recorder to supabase_auth_admin;
create table recorder.seen (
    n bigint generated always as identity,
    tx text not null default pg_current_xact_id()::text,
    op text not null,
    relation text not null,
    query text,
    context jsonb,
    old jsonb,
    new jsonb
);
grant insert on recorder.seen to supabase_auth_admin;

create function recorder.statement() returns trigger language plpgsql as $$
begin
    -- Cascades are somebody else's, and ON CONFLICT announces an UPDATE that never comes.
    if pg_trigger_depth() = 1 and lower(current_query()) like lower(tg_op) || '%' then
        insert into recorder.seen (op, relation, query, context)
        values (
            tg_op, tg_table_name, current_query(),
            jsonb_build_object(
                'auth.uid()', coalesce(auth.uid()::text, 'None'),
                'current_user', current_user,
                'isolation', current_setting('transaction_isolation'),
                'request.jwt.claims', coalesce(current_setting('request.jwt.claims', true), 'None'),
                'search_path', current_setting('search_path'),
                'session_user', session_user
            )
        );
    end if;
    return null;
end $$;

create function recorder.row() returns trigger language plpgsql as $$
begin
    insert into recorder.seen (op, relation, old, new)
    values (
        tg_op, 'row',
        case when tg_op <> 'INSERT' then to_jsonb(old) end,
        case when tg_op <> 'DELETE' then to_jsonb(new) end
    );
    return null;
end $$;

do $$
declare
    relation text;
begin
    for relation in select tablename from pg_tables where schemaname = 'auth' loop
        execute format(
            'create trigger recorder before insert or update or delete on auth.%I'
            ' for each statement execute function recorder.statement()',
            relation
        );
    end loop;
end $$;
create trigger recorder_row after insert or update or delete on auth.users
    for each row execute function recorder.row();
