"""The simulated Supabase: the roles of its cluster, and one template database to clone from.

The SQL in ``sql/platform`` is written for the role ``postgres``. What is different where that
name belongs to a superuser stands in ``migration_role`` and ``_render``, and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from psycopg import errors, sql

from . import database, sqlfiles
from .server import MAINTENANCE, SUPERUSER, Seed, Server

_ROLES = "10_roles.sql"
_EXTENSIONS = "90_extensions.sql"
_PREFIX = f"{database.PREFIX}platform_"
_MARK = "made by pytest-usersync"
_STAND_IN = "A stand-in by pytest-usersync."
# The one that every local project has.
_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"
_LOCK = 0x7573657273796E63  # "usersync"
# Before PostgreSQL 16 whoever may create roles may grant these, and with them programs and files
# of the server; supautils reserves them. Without them only a superuser has programs and files.
_NO_SERVER_ROLES = """
    delete from pg_catalog.pg_authid
    where rolname in (
        'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'
    )
"""


def seed() -> Seed:
    """Return what makes a fresh cluster a Supabase one: the roles and the template database."""
    return Seed(key=_digest(), build=_build)


def _build(server: Server) -> None:
    template(server)


def template(server: Server) -> str:
    """Return the name of the template database, built first if the server lacks it.

    Safe to call from several processes at once. On a server reached by DSN ``forget`` takes away
    what this made there.
    """
    name = _name(server)
    with database.connect(server, MAINTENANCE) as connection, _locked(connection):
        if not _exists(connection, name):
            _make_roles(connection, server)
            _make_database(connection, server, name)
    return name


@cache
def migration_role(server: Server) -> str:
    """Return the role that runs migrations, which is never a superuser: ``postgres`` if it can."""
    if server.own:
        return "postgres"
    with database.connect(server, MAINTENANCE) as connection:
        row = connection.execute(
            "select from pg_catalog.pg_roles where rolname = 'postgres' and rolsuper"
        ).fetchone()
    return "postgres" if row is None else "usersync_postgres"


def stand_ins(server: Server, name: str | None = None) -> list[str]:
    """Return the extensions that a database has only as a stand-in, such as ``uuid-ossp``.

    Args:
        server: where it is.
        name: a clone with a project's migrations, which create more; without it the template.
    """
    with database.connect(server, name or template(server)) as connection:
        rows = connection.execute(
            """
            select extname
            from pg_catalog.pg_extension
            where pg_catalog.obj_description(oid, 'pg_extension') = %s
            order by extname
            """,
            [_STAND_IN],
        ).fetchall()
    return [row["extname"] for row in rows]


def forget(server: Server) -> None:
    """Drop the template and the roles that were made on a server reached by DSN.

    Roles that were there before stay untouched. While another run has databases on the server,
    or databases were kept, everything is left to whoever comes last.
    """
    if server.own:
        return
    with database.connect(server, MAINTENANCE) as connection, _locked(connection):
        if not _in_use(connection):
            _drop(connection, _name(server))
            _drop_roles(connection, server)


@cache
def _digest() -> str:
    """Return the hash of every platform file, the stand-ins included."""
    digest = hashlib.sha256()
    for folder in (("platform",), ("platform", "stand_ins")):
        for name in sqlfiles.names(*folder):
            digest.update(f"{name}\0{sqlfiles.read(*folder, name)}\0".encode())
    return digest.hexdigest()


def _name(server: Server) -> str:
    parts = (_digest(), str(server.version // 10000), migration_role(server))
    return _PREFIX + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _render(server: Server, *path: str) -> bytes:
    text = sqlfiles.read("platform", *path)
    return re.sub(r"\bpostgres\b", migration_role(server), text).encode()


@contextmanager
def _locked(connection: database.Connection) -> Iterator[None]:
    connection.execute("select pg_catalog.pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        connection.execute("select pg_catalog.pg_advisory_unlock(%s)", [_LOCK])


def _exists(connection: database.Connection, name: str) -> bool:
    found = connection.execute("select from pg_catalog.pg_database where datname = %s", [name])
    return found.fetchone() is not None


def _make_roles(connection: database.Connection, server: Server) -> None:
    present = {
        row["rolname"] for row in connection.execute("select rolname from pg_catalog.pg_roles")
    }
    _, *blocks = re.split(r"(?m)^-- role (\w+)\n", _render(server, _ROLES).decode())
    for role, text in zip(blocks[::2], blocks[1::2], strict=True):
        if server.own and role == SUPERUSER:
            # initdb has made it already, and it is ours: it only lacks its settings.
            connection.execute(text.replace("create role", "alter role", 1).encode())
        elif role not in present:
            mark = "" if server.own else f"comment on role {role} is '{_MARK}';"
            connection.execute((text + mark).encode())
    if server.own and server.version < 160000:
        connection.execute(_NO_SERVER_ROLES)


def _make_database(connection: database.Connection, server: Server, name: str) -> None:
    """Build under another name, so that a template is either whole or absent."""
    draft = f"{name}_draft"
    _drop(connection, draft)
    _create(connection, server, draft)
    with database.connect(server, draft) as inside:
        # Whatever the DSN's superuser is called, the platform is made by the platform's own.
        inside.execute(f"set session authorization {SUPERUSER}".encode())
        inside.execute("set search_path = ''")
        for file in sqlfiles.names("platform"):
            if file == _EXTENSIONS:
                _keep_stand_ins(inside, server)
            if file != _ROLES:
                inside.execute(_render(server, file))
    _adopt(connection, server, draft)
    _remark(connection, draft, _MARK)
    connection.execute(
        sql.SQL("alter database {} rename to {}").format(
            sql.Identifier(draft), sql.Identifier(name)
        )
    )


def _create(connection: database.Connection, server: Server, name: str) -> None:
    statement = sql.SQL("create database {} template template0 encoding 'UTF8'").format(
        sql.Identifier(name)
    )
    if not _is_utf8(connection):
        statement += sql.SQL(" lc_collate 'C' lc_ctype 'C'")
    if server.version >= 150000:
        statement += sql.SQL(" strategy file_copy")
    connection.execute(statement)


def _is_utf8(connection: database.Connection) -> bool:
    row = connection.execute(
        """
        select from pg_catalog.pg_database
        where datname = 'template0' and pg_catalog.pg_encoding_to_char(encoding) = 'UTF8'
        """
    ).fetchone()
    return row is not None


def _keep_stand_ins(inside: database.Connection, server: Server) -> None:
    """Put the stand-ins into the database, which makes one when its extension is created.

    Below what a script is for it says ``version 1.6, schema pg_catalog``, the schema only where
    it is the only one; what is run behind a real extension too follows the line ``-- after``.
    """
    for file in sqlfiles.names("platform", "stand_ins"):
        text = _render(server, "stand_ins", file).decode()
        head = re.search(r"(?m)^-- version ([\w.]+)(?:, schema (\w+))?$", text)
        assert head, f"{file} says no version"
        script, _, after = text.partition("\n-- after\n")
        inside.execute(
            "insert into usersync.stand_in values (%s, %s, %s, %s, %s)",
            [file.removesuffix(".sql"), head[1], head[2], script, after],
        )


def _adopt(connection: database.Connection, server: Server, name: str) -> None:
    """Give the template its owner, its grants, and the settings that the CLI gives it.

    A clone keeps the owner, who owns ``public`` by it. It loses the grants, which nobody misses:
    nothing in a clone is made by ``dashboard_user``, nor schemas by ``supabase_auth_admin``.
    """
    statements = sql.SQL(
        """
        alter database {database} owner to {role};
        alter database {database} set "app.settings.jwt_secret" = {secret};
        alter database {database} set "app.settings.jwt_exp" = '3600';
        grant all on database {database} to dashboard_user;
        grant create on database {database} to supabase_auth_admin;
        """
    )
    connection.execute(
        statements.format(
            database=sql.Identifier(name),
            role=sql.Identifier(migration_role(server)),
            secret=sql.Literal(_SECRET),
        )
    )


def _remark(connection: database.Connection, name: str, text: str) -> None:
    statement = sql.SQL("comment on database {} is {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(text)))


def _in_use(connection: database.Connection) -> bool:
    row = connection.execute(
        """
        select from pg_catalog.pg_database
        where pg_catalog.starts_with(datname, %s) and not pg_catalog.starts_with(datname, %s)
        limit 1
        """,
        [database.PREFIX, _PREFIX],
    ).fetchone()
    return row is not None


def _drop(connection: database.Connection, name: str) -> None:
    statement = sql.SQL("drop database if exists {} with (force)")
    connection.execute(statement.format(sql.Identifier(name)))


def _drop_roles(connection: database.Connection, server: Server) -> None:
    ours = connection.execute(
        """
        select rolname from pg_catalog.pg_roles
        where pg_catalog.shobj_description(oid, 'pg_authid') = %s
        order by rolname
        """,
        [_MARK],
    ).fetchall()
    for role in (sql.Identifier(row["rolname"]) for row in ours):
        try:
            if server.version >= 150000:
                parameters = "session_replication_role, track_functions"
                connection.execute(
                    sql.SQL(f"revoke set on parameter {parameters} from {{}}").format(role)
                )
            connection.execute(sql.SQL("drop role {}").format(role))
        except errors.DependentObjectsStillExist:
            continue
