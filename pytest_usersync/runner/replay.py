"""Replays of a shorter history, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Self

from psycopg import Error, generators
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from ..auth.script import AS_AUTH, Write, taking_roles
from ..postgres.database import Connection

# Told the error of the statements, or None when they ran; may look at what they left.
Broken = Callable[[Error | None], bool]

_BACK = "rollback to savepoint attempt;"
_DONE = "set constraints all immediate; reset role;"
_DEFERRED = """
    select string_agg(format('%I.%I', n.nspname, c.conname), ', ') as names
    from pg_catalog.pg_constraint as c
    join pg_catalog.pg_namespace as n on n.oid = c.connamespace
    where c.condeferred
"""


class Replay:
    """A transaction of the harness that is rolled back; in it one replay after the other.

    Args:
        connection: the harness's, idle; ``broken`` may query it.
        broken: whether the promise is still broken in the same way.
        setup: what the harness does before.
    """

    def __init__(self, connection: Connection, broken: Broken, setup: str = "") -> None:
        self._connection = connection
        self._broken = broken
        self._setup = taking_roles(setup)
        self._ready = True
        self._commit: str | None = None

    def __enter__(self) -> Self:
        try:
            _send(self._connection, f"begin;\n{self._setup}\n;savepoint attempt")
        except Error:
            self._ready = False
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(Error):
            _send(self._connection, "rollback")

    def show(self, writes: Sequence[Write]) -> bool:
        """Run the writes as Supabase Auth, and ask.

        A question that the database refuses counts as a no.
        """
        if not (writes and self._ready):
            return False
        try:
            return self._broken(self._refusal(writes))
        except Error:
            return False

    def _refusal(self, writes: Sequence[Write]) -> Error | None:
        parts = [" ".join(part) for part in transactions(writes)]
        text = parts[0] if len(parts) == 1 else f" {self._committed()} ".join(parts)
        try:
            # One round trip: a finding is shown after dozens of these.
            _send(self._connection, f"{_BACK} {AS_AUTH} {text} {_DONE}")
        except Error as refusal:
            _send(self._connection, _BACK)
            return refusal
        return None

    def _committed(self) -> str:
        """Return what does inside a transaction what its commit would do, were it not taken back.

        Only who may use the schemas of the constraints can name them.
        """
        if self._commit is None:
            found = self._connection.execute(_DEFERRED).fetchone()
            names = found["names"] if found else None
            again = f"reset role; set constraints {names} deferred; {AS_AUTH}"
            self._commit = f"set constraints all immediate; {again}" if names else ""
        return self._commit


def transactions(writes: Iterable[Write]) -> list[list[str]]:
    """Return the writes as SQL, those of one transaction together."""
    return [list(map(str, part)) for _, part in groupby(writes, lambda one: one.transaction)]


def _send(connection: Connection, text: str) -> None:
    """Execute statements in one trip.

    A cursor would have psycopg forget all its prepared statements after each ``rollback``.
    """
    with connection.lock:
        connection.pgconn.send_query(text.encode())
        results = connection.wait(generators.execute(connection.pgconn))
    if results[-1].status == ExecStatus.FATAL_ERROR:
        raise error_from_result(results[-1], connection.info.encoding)
