"""Reach a server that somebody else runs, or say in one line why it cannot serve."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from ..model.errors import ServerError
from . import libpq_environment
from .conninfo import connect, place
from .model import MAINTENANCE, OLDEST, Secret, Server

_SECONDS = 10
# What decides which server and which login is reached; once it is decided, it is spelled out.
_DECIDED = ("service", "servicefile", "passfile", "target_session_attrs", "load_balance_hosts")


def reach(dsn: str) -> Server:
    """Return the server behind a connection string or URL, after a look at what it is.

    What the user's environment and files add (``PGPASSWORD``, ``PGSERVICE``, ``.pgpass``) is
    asked for once, here: the server's own ``conninfo`` depends on them no more.

    Raises:
        ServerError: it is not reachable, not PostgreSQL 14 or newer, reached through a pooler, the
            user is no superuser, or nothing can be written.
            The message names host and port, never the password.
    """
    asked = make_conninfo(**_words(dsn))
    with connect(Secret(asked)) as connection:
        conninfo = _resolve(connection)
        where = place(conninfo)
        version = connection.info.server_version
        if version < OLDEST * 10000:
            raise ServerError(
                f"The server at {where} is PostgreSQL {version // 10000}. "
                f"Use PostgreSQL {OLDEST} or newer."
            )
        _demand_no_pooler(connection, where)
        _demand_superuser(connection, where)
        _demand_writable(connection, where)
    number = f"{version // 10000}.{version % 10000}"
    return Server(conninfo, version, f"PostgreSQL {number} by DSN ({where})", own=False)


def _words(dsn: str) -> dict[str, Any]:
    try:
        words = conninfo_to_dict(dsn)
    except psycopg.Error:
        # Its message may repeat parts of a password, so it is not shown.
        raise ServerError(
            "The DSN cannot be read. Write postgresql://user:password@host:port/ or "
            "'host=… port=… user=… password=…'."
        ) from None
    if _is_cut_within_password(dsn, words):
        raise ServerError(
            "The DSN cannot be read: its password seems to end too early. In a URL, write @ and /"
            " in a password as %40 and %2F."
        )
    words = {"connect_timeout": _SECONDS, **libpq_environment.neutral(), **words}
    # We come as superuser and make databases of our own; the maintenance database is always there.
    words["dbname"] = MAINTENANCE
    return words


def _is_cut_within_password(dsn: str, words: dict[str, Any]) -> bool:
    """Tell whether a part of the password is taken for the host, port or database of a URL.

    They are shown. A host that begins with ``@`` or ``/`` is a socket.
    """
    if "://" not in dsn:
        return False
    host, port, database = (str(words.get(word) or "") for word in ("host", "port", "dbname"))
    return (
        any("@" in one and one[0] not in "@/" for one in host.split(","))
        or any(not one.isdecimal() for one in port.split(",") if one)
        or ("@" in database and "user" not in words)
    )


def _resolve(connection: psycopg.Connection[Any]) -> Secret:
    info = connection.info
    # As `info.get_parameters()` has them, which fails where the user has no home folder.
    usual = {one.keyword: one.compiled for one in Conninfo.get_defaults()}
    words: dict[str, Any] = {
        one.keyword.decode(): one.val.decode()
        for one in connection.pgconn.info
        if one.val is not None and one.val != usual.get(one.keyword)
    }
    words |= {"host": info.host, "port": info.port, "user": info.user}
    if "hostaddr" in words:  # of several, the one that answered
        words["hostaddr"] = info.hostaddr
    for word in ("dbname", *_DECIDED):
        words.pop(word, None)
    words["options"] = info.options
    if info.password:
        words["password"] = info.password
    return Secret(make_conninfo(**words))


def _demand_no_pooler(connection: psycopg.Connection[Any], where: str) -> None:
    """Refuse what stands between: it shares one session among many, and keeps databases in use."""
    # A pooler makes up the process id that a client is told at its login.
    row = connection.execute("select pg_catalog.pg_backend_pid() as pid").fetchone()
    if row and row["pid"] != connection.info.backend_pid:
        raise ServerError(
            f"A connection pooler, such as PgBouncer, answers at {where}. Name the address of"
            " PostgreSQL itself: the run creates and drops databases and keeps sessions."
        )


def _demand_superuser(connection: psycopg.Connection[Any], where: str) -> None:
    row = connection.execute(
        "select rolname, rolsuper from pg_catalog.pg_roles where rolname = session_user"
    ).fetchone()
    if row and not row["rolsuper"]:
        raise ServerError(
            f"The role {row['rolname']} is not a superuser at {where}. Use one (supabase_admin on"
            " a local Supabase): the simulated Supabase needs it to create roles, databases and"
            " event triggers."
        )


def _demand_writable(connection: psycopg.Connection[Any], where: str) -> None:
    row = connection.execute(
        "select current_setting('transaction_read_only')::boolean as reads"
    ).fetchone()
    if row and row["reads"]:
        raise ServerError(
            f"The server at {where} is read-only. Name a primary server, not a replica: the run"
            " creates and drops databases there."
        )
