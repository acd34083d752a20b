"""Startup options of a session: what keeps a project out of it, what its role would be given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import starmap
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .model import Secret, Server

if TYPE_CHECKING:
    from .database import Connection

# What a login as a role would have been given, best claim first; the settings of the role that logs
# in instead are shadowed by what holds for everybody.
_SETTINGS = """
with known as (
    select
        setting.setrole,
        setting.setdatabase,
        pg_catalog.split_part(entry, '=', 1) as name,
        pg_catalog.substr(entry, pg_catalog.strpos(entry, '=') + 1) as value
    from pg_catalog.pg_db_role_setting as setting
    cross join lateral pg_catalog.unnest(setting.setconfig) as entry
    where setting.setdatabase in (
        0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    )
),
claim as (
    select name, value, 0 as everybody, (setdatabase = 0)::int as anywhere
    from known
    where setrole = (select oid from pg_catalog.pg_roles where rolname = %(role)s)
    union all
    select name, value, 1, (setdatabase = 0)::int from known where setrole = 0
    union all
    select known.name, file.setting, 2, 0
    from known
    join pg_catalog.pg_file_settings as file on file.name = known.name and file.applied
    union all
    select known.name, builtin.boot_val, 3, 0
    from known
    join pg_catalog.pg_settings as builtin on builtin.name = known.name
)
select distinct on (name) name, value
from claim
where name in (
    select name
    from known
    where setrole in (
        select oid
        from pg_catalog.pg_roles
        where rolname in (%(role)s, session_user) or rolname = any (%(beside)s)
    )
) and name not in ('role', 'session_authorization') and value is not null
order by name, everybody, anywhere
"""

NOT_FOR_USERS = """
select name from pg_catalog.pg_settings where name = any (%s) and context <> 'user' order by name
"""


def quiet_options(server: Server) -> str:
    """Return the ``options`` that keep a project's objects out of a superuser's way."""
    # Before PostgreSQL 17 only a replica can do without event triggers.
    events = (
        "event_triggers=off" if server.version >= 170000 else "session_replication_role=replica"
    )
    path = "-c search_path=pg_catalog,pg_temp"
    return f"{given_options(server)} {steady(server)} -c role=none {path} -c {events}".strip()


def quiet_superuser(server: Server, name: str) -> Secret:
    """Return how the superuser comes to a database of somebody else's server, and waits not long.

    A project may have written in it.
    """
    options = f"{quiet_options(server)} -c lock_timeout=10s"
    return Secret(make_conninfo(server.conninfo, dbname=name, options=options))


def given_options(server: Server) -> str:
    """Return the ``options`` of the connection string of somebody else's server."""
    return "" if server.own else str(conninfo_to_dict(server.conninfo).get("options") or "")


def steady(server: Server) -> str:
    """Return the ``options`` that keep what a project sets for its database out of our sessions.

    On an own server nobody is to come as another role, either; on somebody else's a login does.
    """
    settings = {
        "statement_timeout": "0",
        "lock_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "idle_session_timeout": "0",
        "default_transaction_read_only": "off",
        "standard_conforming_strings": "on",
        "client_encoding": "UTF8",
        # It changes the definitions that pg_get_triggerdef() and its like return.
        "quote_all_identifiers": "off",
        "exit_on_error": "off",
        **({"transaction_timeout": "0"} if server.version >= 170000 else {}),
        **({"role": "none"} if server.own else {}),
    }
    return " ".join(starmap(startup_option, settings.items()))


def settings_of(superuser: Connection, role: str, beside: Sequence[str] = ()) -> dict[str, str]:
    """Return what a login as ``role`` would set in this database, by the name of the setting.

    Args:
        beside: roles whose settings are named as well, with the value that ``role`` would see.
    """
    found = superuser.execute(_SETTINGS, {"role": role, "beside": list(beside)})
    return {row["name"]: row["value"] for row in found}


def startup_option(name: str, value: str) -> str:
    """Return one entry of ``options``; they are split at blanks that no backslash protects."""
    return "-c " + re.sub(r"([\\\s])", r"\\\1", f"{name}={value}")
