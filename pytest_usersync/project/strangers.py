"""Roles that a project's files make: they belong to the server, and outlive the database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from psycopg import Error, sql

from .. import database
from ..server import MAINTENANCE, Server


def roles(server: Server) -> frozenset[str]:
    """Return the names of all roles of a server."""
    with database.connect(server, MAINTENANCE) as connection:
        rows = connection.execute("select rolname from pg_catalog.pg_roles")
        return frozenset(row["rolname"] for row in rows)


def forget(server: Server, names: Iterable[str]) -> None:
    """Drop roles that a project made, but none that anything on the server still depends on."""
    with database.connect(server, MAINTENANCE) as connection:
        for name in names:
            with suppress(Error):
                statement = sql.SQL("drop role if exists {}").format(sql.Identifier(name))
                connection.execute(statement)
