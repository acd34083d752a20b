"""The queries by which a session notes its locks on ``auth.users`` while it applies a file."""

from __future__ import annotations

from collections.abc import Mapping

_HELD = """
    from pg_catalog.pg_locks as held
    where
        held.locktype = 'relation'
        and held.database = {database}
        and held.relation = {users}
        and held.pid = pg_catalog.pg_backend_pid()
"""
_ROWS = """
    select
        pg_catalog.sum(
            pg_catalog.pg_stat_get_xact_tuples_returned(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_fetched(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_inserted(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_updated(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_deleted(one.oid)
        )
    from pg_catalog.pg_class as one
    where
        one.relkind in ('r', 'm', 'i')
        and one.relnamespace not in (
            'pg_catalog'::pg_catalog.regnamespace,
            'pg_toast'::pg_catalog.regnamespace,
            'information_schema'::pg_catalog.regnamespace,
            'usersync'::pg_catalog.regnamespace
        )
"""
QUESTION = f"""
select
    (select pg_catalog.string_agg(held.mode, ',') {_HELD}) as modes,
    ({_ROWS}) as rows,
    pg_catalog.current_setting('usersync.locked', true) as rows_before_lock
"""
# A statement that does several things may lock first or last: its commands tell.
LISTEN = f"""
create function usersync.note_before()
    returns event_trigger
    language plpgsql
as $$
begin
    if not exists (select {_HELD} and held.mode = any ({{blocking}})) then
        perform pg_catalog.set_config('usersync.rows', ({_ROWS})::text, false);
        perform pg_catalog.set_config('usersync.locked', '', false);
    end if;
end;
$$;

create function usersync.note_lock()
    returns event_trigger
    language plpgsql
as $$
begin
    if
        coalesce(pg_catalog.current_setting('usersync.locked', true), '') = ''
        and exists (select {_HELD} and held.mode = any ({{blocking}}))
    then
        perform pg_catalog.set_config(
            'usersync.locked', pg_catalog.current_setting('usersync.rows', true), false
        );
    end if;
end;
$$;

create event trigger usersync_note_before
    on ddl_command_start
    execute function usersync.note_before();

create event trigger usersync_note_lock
    on ddl_command_end
    execute function usersync.note_lock();
"""
IDS = """
select 'auth.users'::pg_catalog.regclass::oid as users, oid as database
from pg_catalog.pg_database
where datname = pg_catalog.current_database()
"""
TRIGGERS = """
select tgname as name, tgconstraint = 0 as replaceable
from pg_catalog.pg_trigger
where tgrelid = 'auth.users'::pg_catalog.regclass and not tgisinternal
order by tgname
"""
SIGN_UP = """
insert into auth.users (
    instance_id, id, aud, role, email, encrypted_password, raw_app_meta_data, raw_user_meta_data,
    created_at, updated_at
)
select
    '00000000-0000-0000-0000-000000000000', pg_catalog.gen_random_uuid(), 'authenticated', '',
    'ada.' || n || '@example.com', '', '{{"provider": "email", "providers": ["email"]}}',
    pg_catalog.replace({metadata}, '{{n}}', n::text)::jsonb, pg_catalog.now(), pg_catalog.now()
from pg_catalog.generate_series({first}, {last}) as n
"""


def fill(text: str, words: Mapping[str, object]) -> str:
    """Return a text with each ``{name}`` replaced; other braces stay."""
    for name, value in words.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
