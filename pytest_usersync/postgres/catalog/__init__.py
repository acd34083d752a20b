"""PostgreSQL's catalog: one query for each kind of object, its rows as dataclasses.

Every function takes a ``Query``, which decides who asks, and whether an answer is remembered. To
have more rows than needed costs less than another query, so callers choose among them in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from psycopg import Cursor
from psycopg.rows import DictRow

from ..database import Connection

R = TypeVar("R")

# The schemas that belong to the platform.
PLATFORM_SCHEMAS = (
    *("auth", "extensions", "storage", "realtime", "vault", "graphql", "graphql_public"),
    *("net", "cron", "pgsodium", "pgsodium_masks", "pgbouncer", "supabase_functions"),
    *("supabase_migrations", "usersync", "information_schema"),
)


class Query(Protocol):
    """Executes a query and returns its rows."""

    def __call__(self, text: str, parameters: Sequence[object] = (), /) -> list[DictRow]:
        """Return the rows of one query."""
        ...


def asking(session: Connection | Cursor[DictRow]) -> Query:
    """Return what asks on a session."""

    def query(text: str, parameters: Sequence[object] = (), /) -> list[DictRow]:
        return session.execute(text.encode(), parameters or None).fetchall()

    return query


def record(kind: Callable[..., R], row: DictRow) -> R:
    """Return a row as a dataclass, its arrays as tuples."""
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
    return kind(**values)
