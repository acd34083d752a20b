"""Check and settle what a project leaves in its database, before others read it."""

from __future__ import annotations

from ..model.errors import ProjectError
from ..postgres import Server
from ..postgres.database import Connection

# The schemas that we make in copies of the database, and drop again.
_OURS = ["usersync_pause", "usersync_race"]
_TAKEN = """
select nspname as name
from pg_catalog.pg_namespace
where nspname = any (%s)
order by nspname
"""
# Supabase Auth and PostgREST read values in PostgreSQL's binary form, which no setting changes; we
# read text. Only how values are printed is changed: the order in which a date is read stays.
# And an error that is expected does not end a session of ours.
_SETTLED = """
update pg_catalog.pg_db_role_setting as setting
set setconfig = array(
    select
        case pg_catalog.lower(pg_catalog.split_part(entry, '=', 1))
            when 'datestyle' then 'DateStyle=ISO, ' || case
                when entry ~* '=.*ymd' then 'YMD'
                when entry ~* '=.*(dmy|euro|german)' and entry !~* '=.*(mdy|us)' then 'DMY'
                else 'MDY'
            end
            when 'intervalstyle' then 'IntervalStyle=postgres'
            when 'client_encoding' then 'client_encoding=UTF8'
            when 'quote_all_identifiers' then 'quote_all_identifiers=off'
            when 'exit_on_error' then 'exit_on_error=off'
            else entry
        end
    from pg_catalog.unnest(setting.setconfig) with ordinality as one (entry, place)
    order by place
)
where exists (
    select from pg_catalog.unnest(setting.setconfig) as entry
    where entry
        ~* '^(datestyle|intervalstyle|client_encoding|quote_all_identifiers|exit_on_error)='
) and (
    setting.setdatabase = (
        select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()
    )
    or setting.setdatabase = 0 and %s
)
"""


def settle(superuser: Connection, server: Server) -> None:
    """Refuse a database that has a name of ours; let its values be printed as we read them.

    Raises:
        ProjectError: a schema has a name that is ours.
    """
    for row in superuser.execute(_TAKEN, [_OURS]).fetchall():
        raise ProjectError(
            f"The project has a schema {row['name']}. pytest-usersync makes one of this name in its"
            " copies of the database. Give yours another name."
        )
    superuser.execute(_SETTLED, [server.own])
