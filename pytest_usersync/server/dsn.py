"""Reach a server that somebody else runs, or say in one line why it cannot serve."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pytest_usersync.errors import ServerError

from . import variables
from .model import MAINTENANCE, OLDEST, Server

_SECONDS = 10


def reach(dsn: str) -> Server:
    """Return the server behind a connection string or URL, after a look at what it is.

    Raises:
        ServerError: it is not reachable, not PostgreSQL 14 or newer, the user is no superuser, or
            nothing can be written.
            The message names host and port, never the password.
    """
    words = _words(dsn)
    try:
        connection = psycopg.connect(make_conninfo(**words), autocommit=True)
    except psycopg.Error as error:
        raise ServerError(
            f"No PostgreSQL answers at {_place(words)}: {_reason(error, words)}. "
            "Start it, or correct the address."
        ) from None
    with connection:
        place = _place({**words, "host": connection.info.host, "port": connection.info.port})
        version = connection.info.server_version
        if version < OLDEST * 10000:
            raise ServerError(
                f"The server at {place} is PostgreSQL {version // 10000}. "
                f"Use PostgreSQL {OLDEST} or newer."
            )
        _demand_superuser(connection, place)
        _demand_writable(connection, place)
    words.pop("dbname")
    number = f"{version // 10000}.{version % 10000}"
    origin = f"PostgreSQL {number} by DSN ({place})"
    return Server(make_conninfo(**words), version, origin, own=False)


def _words(dsn: str) -> dict[str, Any]:
    try:
        words = conninfo_to_dict(dsn)
    except psycopg.Error:
        # Its message may repeat parts of a password, so it is not shown.
        raise ServerError(
            "The DSN cannot be read. Write postgresql://user:password@host:port/ or "
            "'host=… port=… user=… password=…'."
        ) from None
    words = {"connect_timeout": _SECONDS, **variables.neutral(), **words}
    # We come as superuser and make databases of our own; the maintenance database is always there.
    words["dbname"] = MAINTENANCE
    return words


def _demand_superuser(connection: psycopg.Connection[Any], place: str) -> None:
    row = connection.execute(
        "select rolname, rolsuper from pg_catalog.pg_roles where rolname = session_user"
    ).fetchone()
    name, superuser = row or ("", False)
    if not superuser:
        raise ServerError(
            f"The role {name} is no superuser at {place}. Use one (supabase_admin on a local "
            "Supabase): roles, databases and event triggers of the simulated Supabase need it."
        )


def _demand_writable(connection: psycopg.Connection[Any], place: str) -> None:
    row = connection.execute("select current_setting('transaction_read_only')::boolean").fetchone()
    if row and row[0]:
        raise ServerError(
            f"The server at {place} is read-only. Name one that can be written, not a replica: "
            "databases are made there and dropped again."
        )


def _place(words: dict[str, Any]) -> str:
    return f"host={words.get('host') or 'local'} port={words.get('port') or 5432}"


def _reason(error: psycopg.Error, words: dict[str, Any]) -> str:
    first = (str(error).strip().splitlines() or ["no reason given"])[0]
    reason = re.sub(r"^.*?connection to server (at|on) .*? failed: ", "", first).strip()
    reason = re.sub(r"^connection (failed|is bad): ", "", reason).rstrip(".")
    password = words.get("password")
    return reason.replace(password, "***") if password else reason
