"""Databases of a server: connect, clone, drop."""

from __future__ import annotations

import itertools
import os
import re
import secrets
from itertools import starmap
from typing import TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from ..model.errors import ServerError
from . import (
    MAINTENANCE,
    Secret,
    Server,
    external_server,
    libpq_environment,
    logins,
    other_sessions,
)
from . import conninfo as dsn
from .session_options import (
    NOT_FOR_USERS,
    given_options,
    quiet_options,
    settings_of,
    startup_option,
    steady,
)

PREFIX = "usersync_"
# Who acts for the harness where a project's code may run: no superuser. See 10_roles.sql.
HARNESS = "usersync_harness"

Connection: TypeAlias = psycopg.Connection[DictRow]

_count = itertools.count(1)
# With the process id, it tells this process from those of other machines on one server.
_process = secrets.token_hex(4)

_LOGS_IN = "select from pg_catalog.pg_roles where rolname = %s and rolcanlogin"


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
        options = f"{steady(server)} {options}".strip()
    words = {"options": options} if options else {}
    # PostgreSQL 14 cannot grant a role the right to set session_replication_role.
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


def startup_options(server: Server, database: str, role: str) -> str:
    """Return the ``options`` that give a superuser's session the settings of ``role``."""
    with connect(server, database) as superuser:
        settings = settings_of(superuser, role)
    return " ".join([given_options(server), *starmap(startup_option, settings.items())]).strip()


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
        rows = superuser.execute(NOT_FOR_USERS, [sorted(settings)])
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


def clone(server: Server, template: str, name: str) -> None:
    """Create the database ``name`` as a copy of ``template``, with its owner and settings."""
    with connect(server, MAINTENANCE) as connection:
        copy(connection, server, template, name)


def copy(connection: Connection, server: Server, template: str, name: str) -> None:
    """Clone by a connection to another database; see ``clone``."""
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
        # Asked now, because the message needs it and the sessions may be gone below.
        told = other_sessions.sessions(connection, template, patience=0)
        if not server.guest or external_server.is_ours(connection, server.guest, template):
            other_sessions.end_sessions(connection, template)
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
        drop_by(connection, server, name)


def drop_by(connection: Connection, server: Server, name: str) -> None:
    """Drop by a connection to another database; see ``drop``."""
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
    # PostgreSQL cuts a name at 63 bytes, and what tells ours apart comes last.
    word = re.sub(r"[^a-z0-9]+", "_", kind.lower())[:24].strip("_")
    return f"{PREFIX}{word}_{os.getpid()}_{_process}_{next(_count)}"


def psql_line(server: Server, database: str) -> str:
    """Return the shell line that opens one database in psql, without the password."""
    return dsn.psql(make_conninfo(server.conninfo, dbname=database), server.programs)
