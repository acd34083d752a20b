"""The simulated Supabase: the roles of its cluster, and one template database to clone from.

The SQL in ``sql/platform`` is written for the roles ``postgres`` and ``supabase_admin``. Where a
server has roles of these names that cannot serve, ours stand in for them: ``Server.role``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache

from psycopg import sql

from ..postgres import (
    MAINTENANCE,
    SUPERUSER,
    Seed,
    Server,
    database,
    external_server,
    guest_roles,
    sqlfiles,
)

_ROLES = "10_roles.sql"
_EXTENSIONS = "90_extensions.sql"
_REQUESTS = ("anon", "authenticated", "service_role")
# They connect to any database of the server, by a password that a role may give itself.
_CONNECTING = ("dblink", "postgres_fdw")
_PREFIX = f"{database.PREFIX}platform_"
_STAND_IN = "A stand-in by pytest-usersync."
# The one that every local project has.
_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"
_PRESENT = """
select
    r.rolname::text as name,
    coalesce(
        pg_catalog.shobj_description(r.oid, 'pg_authid')
            ~ '^made by pytest-usersync, run [0-9a-f]{8}, for all runs$',
        false
    ) as ours
from pg_catalog.pg_roles as r
"""
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

    Safe to call from several processes at once. What it makes on a server reached by DSN serves
    every run there, and goes with the last.
    """
    name = _name(server)
    with database.connect(server, MAINTENANCE) as connection, external_server.locked(connection):
        if not database.exists(connection, name):
            _make_roles(connection, server)
            _make_database(connection, server, name)
    return name


def migration_role(server: Server) -> str:
    """Return the role that runs migrations, which is never a superuser: ``postgres`` if it can."""
    return server.role("postgres")


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


@cache
def _digest() -> str:
    """Return the hash of every platform file, the stand-ins included."""
    digest = hashlib.sha256()
    # Any change of the SQL must make a new template, on cached clusters too.
    for folder in (("platform",), ("platform", "stand_ins")):
        for name in sqlfiles.names(*folder):
            digest.update(f"{name}\0{sqlfiles.read(*folder, name)}\0".encode())
    return digest.hexdigest()


def _name(server: Server) -> str:
    roles = (server.role("postgres"), server.role(SUPERUSER))
    # A name for each content: runs of two releases can share a server.
    parts = (_digest(), str(server.version // 10000), *roles)
    return _PREFIX + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _render(server: Server, *path: str) -> bytes:
    text = sqlfiles.read("platform", *path)
    for name in ("postgres", SUPERUSER):
        text = re.sub(rf"\b{name}\b", server.role(name), text)
    return text.encode()


def _make_roles(connection: database.Connection, server: Server) -> None:
    present = {row["name"]: row["ours"] for row in connection.execute(_PRESENT)}
    _, *blocks = re.split(r"(?m)^-- role (\w+)\n", _render(server, _ROLES).decode())
    made = []
    for role, text in zip(blocks[::2], blocks[1::2], strict=True):
        if server.own and role == SUPERUSER:
            # initdb has made it already, and it is ours: it only lacks its settings.
            connection.execute(text.replace("create role", "alter role", 1).encode())
        elif role not in present:
            with connection.transaction():
                connection.execute(text.encode())
                _mark_role(connection, server, role)
            made.append(role)
        elif present[role]:
            # A database that was kept needed it, but not the roles that it was a member of.
            connection.execute(re.sub(r"(?m)^create role [^;]*;$", "", text).encode())
    # Its grants stand with the role in the SQL, which is left out where the role was there.
    if server.guest and "authenticator" in present:
        _let_become(connection, [role for role in made if role in _REQUESTS])
    if server.own and server.version < 160000:
        connection.execute(_NO_SERVER_ROLES)


def _mark_role(connection: database.Connection, server: Server, role: str) -> None:
    """On somebody else's server, mark a role; let nobody but the run log in as it.

    There it makes no replication slot, which would keep the server's WAL, and it ends no session
    of a role that it is not a member of.
    """
    if server.guest is None:
        return
    name, mark = sql.Identifier(role), sql.Literal(server.guest.shared_mark)
    connection.execute(sql.SQL("comment on role {} is {}").format(name, mark))
    connection.execute(sql.SQL("alter role {} noreplication").format(name))
    connection.execute(sql.SQL("revoke pg_signal_backend from {}").format(name))
    if role == server.role(SUPERUSER):
        connection.execute(sql.SQL("alter role {} nologin").format(name))
    else:
        guest_roles.set_password(connection, role, server.guest)


def _let_become(connection: database.Connection, roles: list[str]) -> None:
    """Let PostgREST's login that was there take the roles that we made; it goes with them."""
    for role in map(sql.Identifier, roles):
        connection.execute(sql.SQL("grant {} to authenticator").format(role))


def _make_database(connection: database.Connection, server: Server, name: str) -> None:
    """Build under another name, so that a template is either whole or absent."""
    draft = f"{name}_draft" if server.own else database.fresh_name("draft")
    # On an own server the draft has the same name in every run: a killed one may have left it.
    database.drop(server, draft)
    _create(connection, server, draft)
    with database.connect(server, draft) as inside:
        # Whatever the DSN's superuser is called, the platform is made by the platform's own.
        inside.execute(f"set session authorization {server.role(SUPERUSER)}".encode())
        # The files qualify every name; whatever a superuser has on its path must not matter.
        inside.execute("set search_path = ''")
        for file in sqlfiles.names("platform"):
            if file == _EXTENSIONS:
                _keep_stand_ins(inside, server)
            if file != _ROLES:
                inside.execute(_render(server, file))
        if server.guest:
            _withhold(inside, _CONNECTING)
    if server.guest:
        database.remark(connection, draft, server.guest.shared_mark)
    _adopt(connection, server, draft)
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
        # The locale of template0 may not fit UTF8.
        statement += sql.SQL(" lc_collate 'C' lc_ctype 'C'")
    if server.guest:  # It is known whose it is until it has its comment.
        statement += sql.SQL(" owner {}").format(sql.Identifier(server.guest.role))
    if server.version >= 150000:
        # Faster on tmpfs than the default, wal_log. PostgreSQL 14 only knows this one.
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


def _withhold(inside: database.Connection, extensions: Iterable[str]) -> None:
    for name in extensions:
        inside.execute("insert into usersync.withheld_extension values (%s)", [name])


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
