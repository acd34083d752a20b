"""Prepared statements, each made on the way: in the round trip that needs it first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, TypeAlias

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from .pipeline import Query, expect, round_trip, sqlstate

# A statement, and the types that its parameters are planned for.
Key: TypeAlias = tuple[bytes, tuple[int, ...]]

# cached plan must not change result type; prepared statement does not exist
_SPENT = {"0A000", "26000"}
_numbers = count()


class PreparedStatements:
    """What is prepared on a connection, beside what psycopg prepares."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._names: dict[Key, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def forget(self) -> None:
        """Prepare everything anew."""
        self._names.clear()

    def any_of(self, keys: Iterable[Key]) -> bool:
        """Tell whether one of these is prepared."""
        return not self._names.keys().isdisjoint(keys)

    def ask(self, *queries: Query) -> list[PGresult]:
        """Send queries as one transaction, and return their results; raises psycopg.Error."""
        with self._connection.lock:
            results = self.send_together(queries)
        expect(self._connection, results[-1])
        return results

    def send_together(self, queries: Sequence[Query]) -> list[PGresult]:
        """Send queries as one transaction; return their results, up to the first error.

        What cannot be prepared fails in the place of its query.
        """
        # Only an answer tells that a name exists: after an error the server skips the rest.
        made: dict[Key, bytes] = {}
        sent: list[Key | None] = []

        def post(pgconn: PGconn) -> None:
            for one in queries:
                if one.once:
                    one.send(pgconn)
                else:
                    key = one.sql, one.types
                    name = self._names.get(key) or made.get(key)
                    if not name:
                        name = made[key] = f"usersync_{next(_numbers)}".encode()
                        pgconn.send_prepare(name, one.sql, one.types)
                        sent.append(key)
                    pgconn.send_query_prepared(name, one.values, one.formats)
                sent.append(None)

        results = round_trip(self._connection, post)
        return self._taken(sent, made, results)

    def _taken(
        self, sent: Sequence[Key | None], made: dict[Key, bytes], results: Sequence[PGresult]
    ) -> list[PGresult]:
        """Keep what was prepared; return what the queries themselves were answered."""
        found: list[PGresult] = []
        for key, result in zip(sent, results, strict=False):
            if key and result.status == ExecStatus.COMMAND_OK:
                self._names[key] = made[key]
            else:
                found.append(result)
        if is_spent(results[-1]):
            self.forget()
        return found


def is_spent(result: PGresult) -> bool:
    """Tell whether a result may say that a plan no longer fits, or is deallocated."""
    return sqlstate(result) in _SPENT


def table(result: PGresult) -> list[tuple[str | None, ...]]:
    """Return the rows of a result, as text."""
    columns = range(result.nfields)
    return [
        tuple(_text(result.get_value(row, column)) for column in columns)
        for row in range(result.ntuples)
    ]


def array(items: Sequence[object]) -> str:
    """Return the text of an array."""
    quoted = (str(one).replace("\\", "\\\\").replace('"', '\\"') for one in items)
    return "{" + ",".join(f'"{one}"' for one in quoted) + "}"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
