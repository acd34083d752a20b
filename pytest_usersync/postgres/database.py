"""Databases of a server: connect, clone, drop."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import time
from collections.abc import Sequence
from itertools import starmap
from types import TracebackType
from typing import Self, TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from ..model.errors import ServerError
from ..model.safe_text import one_line
from . import MAINTENANCE, Secret, Server, external_server, libpq_environment, logins
from . import conninfo as dsn

PREFIX = "usersync_"
# Who acts for the harness where a project's code may run: no superuser. See 10_roles.sql.
HARNESS = "usersync_harness"

Connection: TypeAlias = psycopg.Connection[DictRow]

_count = itertools.count(1)
# With the process id, it tells this process from those of other machines on one server.
_process = secrets.token_hex(4)

# How long the server may take to end a session whose client has closed it, in seconds.
_PATIENCE = 0.5
_OTHERS = """
select state, query, application_name
from pg_catalog.pg_stat_activity
where datname = %s and pid <> all (%s) and backend_type = 'client backend'
order by backend_start, pid
"""
_END = """
select pg_catalog.pg_terminate_backend(pid)
from pg_catalog.pg_stat_activity
where datname = %s and pid <> all (%s) and backend_type = 'client backend'
order by pid
"""


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


_LOGS_IN = "select from pg_catalog.pg_roles where rolname = %s and rolcanlogin"
_NOT_FOR_USERS = """
select name from pg_catalog.pg_settings where name = any (%s) and context <> 'user' order by name
"""


def connect(
    server: Server,
    database: str,
    role: str | None = None,
    *,
    autocommit: bool = True,
    kind: type[Connection] = psycopg.Connection,
    options: str = "",
) -> Connection:
    """Return a connection to one database as the superuser, or as ``role``.

    The superuser meets nothing that a project made: it finds no name of the project unqualified,
    and no event trigger of the project fires for it. What may run a project's code is done as
    ``HARNESS``, a role that is no superuser; only PostgreSQL 14 cannot do without one.

    On an own server the role logs in; for one that may not, ``HARNESS`` does, with the role and its
    settings as startup options, so that ``reset all`` and ``reset role`` come back to them. On a
    server reached by DSN nobody comes who could get back to the superuser: see ``logins``.

    Args:
        kind: the class of the connection.
        options: startup options, ``-c name=value``, beside the settings of the role.
    """
    if role is None:
        options = f"{quiet_options(server)} {options}".strip()
        return open_as(server, database, autocommit=autocommit, kind=kind, options=options)
    if role == HARNESS:
        options = f"{_steady(server)} {options}".strip()
    words = {"options": options} if options else {}
    if role == HARNESS and server.version < 150000:
        return open_as(server, database, autocommit=autocommit, kind=kind, **words)
    if server.guest:
        return logins.connect(
            server, database, role, autocommit=autocommit, kind=kind, options=options
        )
    try:
        return open_as(server, database, autocommit=autocommit, kind=kind, user=role, **words)
    except psycopg.OperationalError as error:
        if "not permitted to log in" not in str(error):
            raise
    if found := _options_of_taken(server, database, role):
        words = {"user": HARNESS, "options": f"{found} {options}"}
        return open_as(server, database, autocommit=autocommit, kind=kind, **words)
    if options:
        options = f"{startup_options(server, database, role)} {options}"
    return assume(server, database, role, autocommit=autocommit, kind=kind, options=options or None)


def quiet_options(server: Server) -> str:
    """Return the ``options`` that keep a project's objects out of a superuser's way."""
    # Before PostgreSQL 17 only a replica can do without event triggers.
    events = (
        "event_triggers=off" if server.version >= 170000 else "session_replication_role=replica"
    )
    path = "-c search_path=pg_catalog,pg_temp"
    return f"{_given_options(server)} {_steady(server)} -c role=none {path} -c {events}".strip()


def _given_options(server: Server) -> str:
    """Return the ``options`` of the connection string of somebody else's server."""
    return "" if server.own else str(conninfo_to_dict(server.conninfo).get("options") or "")


def _steady(server: Server) -> str:
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
        **({"transaction_timeout": "0"} if server.version >= 170000 else {}),
        **({"role": "none"} if server.own else {}),
    }
    return " ".join(starmap(startup_option, settings.items()))


def conninfo(server: Server, database: str, **words: str) -> Secret:
    """Return the connection string of one database as the superuser, unless words say other."""
    # PGHOSTADDR, PGOPTIONS and their like are meant for other servers than ours.
    ours = libpq_environment.overriding() if server.own else {}
    return Secret(make_conninfo(server.conninfo, **{**ours, **words}, dbname=database))


def role_conninfo(server: Server, database: str, role: str) -> Secret:
    """Return the connection string of one database for who is to be ``role``, and nobody else."""
    if server.guest:
        return logins.conninfo(server, database, role)
    return conninfo(server, database, user=role)


def open_as(
    server: Server,
    database: str,
    *,
    autocommit: bool = True,
    kind: type[Connection] = psycopg.Connection,
    **words: str,
) -> Connection:
    """Return a connection to one database as the superuser, unless words say other."""
    return dsn.connect(conninfo(server, database, **words), kind, autocommit=autocommit)


def settings_of(superuser: Connection, role: str, beside: Sequence[str] = ()) -> dict[str, str]:
    """Return what a login as ``role`` would set in this database, by the name of the setting.

    Args:
        beside: roles whose settings are named as well, with the value that ``role`` would see.
    """
    found = superuser.execute(_SETTINGS, {"role": role, "beside": list(beside)})
    return {row["name"]: row["value"] for row in found}


def startup_options(server: Server, database: str, role: str) -> str:
    """Return the ``options`` that give a superuser's session the settings of ``role``."""
    with connect(server, database) as superuser:
        settings = settings_of(superuser, role)
    return " ".join([_given_options(server), *starmap(startup_option, settings.items())]).strip()


def _options_of_taken(server: Server, database: str, role: str) -> str:
    """Return the ``options`` that give the harness's session a role and its settings.

    Nothing where there is no harness, as on a server without our platform. What only a superuser
    can set is left out.
    """
    if server.version < 150000:
        return ""
    with connect(server, database) as superuser:
        if not superuser.execute(_LOGS_IN, [HARNESS]).fetchone():
            return ""
        settings = settings_of(superuser, role, [HARNESS])
        rows = superuser.execute(_NOT_FOR_USERS, [sorted(settings)])
        for name in [row["name"] for row in rows]:
            del settings[name]
    return " ".join(starmap(startup_option, {**settings, "role": role}.items()))


def assume(
    server: Server,
    database: str,
    role: str,
    *,
    autocommit: bool = True,
    kind: type[Connection] = psycopg.Connection,
    options: str | None = None,
) -> Connection:
    """Return a superuser's connection that has taken ``role``, and may take another later.

    Args:
        kind: the class of the connection.
        options: what ``startup_options`` returned before, to spare the asking.
    """
    if options is None:
        options = startup_options(server, database, role)
    connection = open_as(server, database, kind=kind, options=options)
    try:
        take = sql.SQL("set session authorization {}")
        connection.execute(take.format(sql.Identifier(role)))
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def startup_option(name: str, value: str) -> str:
    """Return one entry of ``options``; they are split at blanks that no backslash protects."""
    return "-c " + re.sub(r"([\\\s])", r"\\\1", f"{name}={value}")


def clone(server: Server, template: str, name: str) -> None:
    """Create the database ``name`` as a copy of ``template``, with its owner and settings."""
    with connect(server, MAINTENANCE) as connection:
        _clone(connection, server, template, name)


def _clone(connection: Connection, server: Server, template: str, name: str) -> None:
    statement = sql.SQL("create database {} template {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    owner = connection.execute(
        "select pg_catalog.pg_get_userbyid(datdba) as name from pg_catalog.pg_database"
        " where datname = %s",
        [template],
    ).fetchone()
    # On somebody else's server the run owns it first, until a comment says whose it is.
    first = server.guest.role if server.guest else owner and owner["name"]
    if first:
        statement += sql.SQL(" owner {}").format(sql.Identifier(first))
    # Without the write-ahead log a copy is a third faster; PostgreSQL 14 knows no other way.
    if server.version >= 150000:
        statement += sql.SQL(" strategy file_copy")
    _create(connection, server, statement, template)
    if server.guest:
        remark(connection, name, server.guest.mark)
        if owner:
            set_owner(connection, name, owner["name"])
    # `alter database … set` is kept outside the database, and so is not copied with it.
    connection.execute(
        """
        insert into pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)
        select copy.oid, setting.setrole, setting.setconfig
        from pg_catalog.pg_db_role_setting as setting
        join pg_catalog.pg_database as original on original.oid = setting.setdatabase
        cross join pg_catalog.pg_database as copy
        where original.datname = %s and copy.datname = %s
        """,
        [template, name],
    )


def _create(connection: Connection, server: Server, statement: sql.Composed, template: str) -> None:
    """Copy a database; end the sessions that somebody has in it, if it is one of ours."""
    try:
        connection.execute(statement)
    except psycopg.errors.ObjectInUse:
        told = sessions(connection, template, patience=0)
        if not server.guest or external_server.is_ours(connection, server.guest, template):
            end_sessions(connection, template)
        try:
            connection.execute(statement)
        except psycopg.errors.ObjectInUse:
            raise ServerError(
                f"{template} cannot be copied while sessions are open in it: {'; '.join(told[:3])}."
                " Close them."
            ) from None


def drop(server: Server, name: str) -> None:
    """Drop a database of ours if it exists, ending the sessions that still use it.

    Raises:
        ValueError: the server is somebody else's, and so is the database.
    """
    with connect(server, MAINTENANCE) as connection:
        _drop(connection, server, name)


def _drop(connection: Connection, server: Server, name: str) -> None:
    if server.guest and not external_server.is_ours(connection, server.guest, name):
        if exists(connection, name):
            raise ValueError(f"{name} has no mark of this run. Only what is marked is dropped.")
        return
    statement = sql.SQL("drop database if exists {} with (force)")
    connection.execute(statement.format(sql.Identifier(name)))


def exists(connection: Connection, name: str) -> bool:
    """Return whether there is a database of this name."""
    found = connection.execute("select from pg_catalog.pg_database where datname = %s", [name])
    return found.fetchone() is not None


def remark(connection: Connection, name: str, text: str) -> None:
    """Say in a comment on a database whose it is."""
    statement = sql.SQL("comment on database {} is {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(text)))


def set_owner(connection: Connection, name: str, role: str) -> None:
    """Give a database to a role."""
    statement = sql.SQL("alter database {} owner to {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Identifier(role)))


def own_names() -> str:
    """Return the regular expression that the names of this process match, and of no other."""
    return f"^{PREFIX}.*_{os.getpid()}_{_process}_[0-9]+$"


def fresh_name(kind: str) -> str:
    """Return a database name that no other process or worker uses, ``usersync_race_…``."""
    word = re.sub(r"[^a-z0-9]+", "_", kind.lower())[:24].strip("_")
    return f"{PREFIX}{word}_{os.getpid()}_{_process}_{next(_count)}"


class Clones:
    """Hand out clones, and drop them all at the end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.names: list[str] = []
        self._connection: Connection | None = None

    def take(self, template: str, kind: str = "clone") -> str:
        """Return the name of a new database that is a copy of ``template``."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.server, MAINTENANCE)
        name = fresh_name(kind)
        self.names.append(name)
        _clone(self._connection, self.server, template, name)
        return name

    def leave(self, name: str) -> None:
        """Keep one of the clones for good: nobody drops it but the user."""
        if self.server.guest:
            with connect(self.server, MAINTENANCE) as connection:
                remark(connection, name, external_server.KEPT)
        self.names.remove(name)

    def left_open(self, name: str, ours: Sequence[int]) -> list[str]:
        """Return what each session does that is still open in a clone, after a moment's patience.

        Args:
            name: the clone.
            ours: the process ids of sessions that were just closed.
        """
        if self._connection is None or self._connection.closed:
            return []
        return sessions(self._connection, name, ours)

    def disconnect(self) -> None:
        """Take another session for the next clone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def drop(self, name: str) -> None:
        """Drop one of the clones now."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.server, MAINTENANCE)
        _drop(self._connection, self.server, name)
        # It is forgotten already where the clones go with the server meanwhile.
        if name in self.names:
            self.names.remove(name)

    def close(self) -> None:
        """Drop the clones; dropping at the end is cheaper than early.

        On ext4 a drop between two clones slows every later clone down.
        """
        if self.names:
            with connect(self.server, MAINTENANCE) as connection:
                while self.names:
                    _drop(connection, self.server, self.names[-1])
                    self.names.pop()
        self.disconnect()

    def close_with_server(self) -> None:
        """Close at the end of a run: the clones on a server of our own go with the server."""
        if self.server.own:
            self.names.clear()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def sessions(
    superuser: Connection, name: str, besides: Sequence[int] = (), patience: float = _PATIENCE
) -> list[str]:
    """Return what each session in a database does: its state, its last query, who opened it.

    Args:
        superuser: a connection to another database.
        name: the database.
        besides: the process ids of sessions that do not count.
        patience: seconds to wait for them to go; a server takes a moment after a client left.
    """
    deadline = time.monotonic() + patience
    while True:
        rows = superuser.execute(_OTHERS, [name, list(besides)]).fetchall()
        if not rows or time.monotonic() > deadline:
            return [_session(row) for row in rows]
        time.sleep(0.005)


def end_sessions(superuser: Connection, name: str, besides: Sequence[int] = ()) -> None:
    """End the sessions in a database, but for those with the process ids given."""
    superuser.execute(_END, [name, list(besides)])


def _session(row: DictRow) -> str:
    query = one_line(row["query"] or "", 100)
    last = f', last query "{query}"' if query else ""
    program = one_line(row["application_name"] or "", 60)
    return f"{row['state']}{last}{f' ({program})' if program else ''}"


def psql_line(server: Server, database: str) -> str:
    """Return the shell line that opens one database in psql, without the password."""
    return dsn.psql(make_conninfo(server.conninfo, dbname=database))
