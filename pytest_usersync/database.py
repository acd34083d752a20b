"""Databases of a server: connect, clone, drop."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shlex
from types import TracebackType
from typing import TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from .server import MAINTENANCE, Server

PREFIX = "usersync_"

Connection: TypeAlias = psycopg.Connection[DictRow]

_count = itertools.count(1)


def connect(
    server: Server, database: str, role: str | None = None, *, autocommit: bool = True
) -> psycopg.Connection[DictRow]:
    """Return a connection to one database as the superuser, or as ``role``.

    On an own server the role logs in. On a server reached by DSN the superuser logs in with the
    role's settings as startup options, and takes the role by ``set session authorization``, so
    that ``reset all`` comes back to what the role would have had.
    """
    conninfo = make_conninfo(server.conninfo, dbname=database)
    if role and server.own:
        conninfo = make_conninfo(conninfo, user=role)
    return psycopg.connect(conninfo, autocommit=autocommit, row_factory=dict_row)


def clone(server: Server, template: str, name: str) -> None:
    """Create the database ``name`` as a copy of ``template``, with its owner and settings."""
    with connect(server, MAINTENANCE) as connection:
        _clone(connection, server.version, template, name)


def _clone(
    connection: psycopg.Connection[DictRow], version: int, template: str, name: str
) -> None:
    statement = sql.SQL("create database {} template {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    # Without the write-ahead log a copy is a third faster; PostgreSQL 14 knows no other way.
    if version >= 150000:
        statement += sql.SQL(" strategy file_copy")
    connection.execute(statement)


def drop(server: Server, name: str) -> None:
    """Drop a database of ours if it exists, ending the sessions that still use it."""
    with connect(server, MAINTENANCE) as connection:
        _drop(connection, name)


def _drop(connection: psycopg.Connection[DictRow], name: str) -> None:
    statement = sql.SQL("drop database if exists {} with (force)")
    connection.execute(statement.format(sql.Identifier(name)))


def fresh_name(kind: str) -> str:
    """Return a database name that no other process or worker uses, ``usersync_race_…``."""
    word = re.sub(r"[^a-z0-9]+", "_", kind.lower())[:24].strip("_")
    return f"{PREFIX}{word}_{os.getpid()}_{secrets.token_hex(3)}_{next(_count)}"


class Clones:
    """Hand out clones, and drop them all at the end; ``keep`` leaves them for a look."""

    def __init__(self, server: Server, *, keep: bool = False) -> None:
        self.server = server
        self.keep = keep
        self.names: list[str] = []
        self._connection: psycopg.Connection[DictRow] | None = None

    def take(self, template: str, kind: str = "clone") -> str:
        """Return the name of a new database that is a copy of ``template``."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.server, MAINTENANCE)
        name = fresh_name(kind)
        self.names.append(name)
        _clone(self._connection, self.server.version, template, name)
        return name

    def close(self) -> None:
        """Drop the clones, unless they are to be kept; dropping at the end is cheaper than early.

        On ext4 a drop between two clones slows every later clone down.
        """
        if self.names and not self.keep:
            with connect(self.server, MAINTENANCE) as connection:
                while self.names:
                    _drop(connection, self.names[-1])
                    self.names.pop()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Clones:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def psql_line(server: Server, database: str) -> str:
    """Return the shell line that opens one database in psql, without the password."""
    words = conninfo_to_dict(make_conninfo(server.conninfo, dbname=database))
    shown = {key: words[key] for key in ("host", "port", "user", "dbname") if words.get(key)}
    return f"psql {shlex.quote(make_conninfo(**shown))}"
