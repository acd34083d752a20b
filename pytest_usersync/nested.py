"""A connection whose commits stay inside a larger transaction, which is rolled back in the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow, dict_row

# What only a real commit brings about, or undoes.
_NEEDS_COMMIT = re.compile(
    r"\bset\s+local\b|set_config|\bon\s+commit\b|notify|\blisten\b|\bwith\s+hold\b"
    r"|\bset\s+transaction\b|advisory_xact|\bprepare\s+transaction\b",
    re.IGNORECASE,
)
_DEFERRED = """
select n.nspname, c.conname, c.condeferred
from pg_catalog.pg_constraint as c
join pg_catalog.pg_namespace as n on n.oid = c.connamespace
where c.condeferrable
order by n.nspname, c.conname
"""


class _Cursor(psycopg.Cursor[Any]):
    """Notes which statements a nested commit could not stand in for."""

    def execute(self, query: Any, *given: Any, **named: Any) -> Self:  # noqa: ANN401
        connection = self.connection
        if isinstance(connection, NestedConnection) and connection.listening:
            connection.note(query)
        return super().execute(query, *given, **named)


class NestedConnection(psycopg.Connection[DictRow]):
    """A psycopg connection that can be put inside a transaction of its own.

    Inside, ``commit``, ``rollback`` and the outermost ``transaction()`` block do what the code that
    calls them can see: deferred constraints fire, a rollback goes back to the last commit. Where
    that is not enough (``set local``, ``notify``, …) a commit is a real one, and ends the nesting.
    """

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self.points: list[str] = []
        self.serving = False
        self._depth = 0
        self._needs_commit = False
        self.restore()

    def restore(self) -> None:
        """Set what a test may have set on the object itself."""
        self.row_factory = dict_row
        self.cursor_factory = _Cursor
        # A plan that outlives a world may not fit the tables of the next one.
        self.prepare_threshold = None

    def send(self, *statements: str) -> list[PGresult]:
        """Run statements in one trip, without psycopg's own bookkeeping."""
        results: list[PGresult] = []
        with self.lock:
            self.pgconn.send_query("; ".join(statements).encode())
            while result := self.pgconn.get_result():
                results.append(result)
        if results[-1].status == ExecStatus.FATAL_ERROR:
            raise error_from_result(results[-1], self.info.encoding)
        return results

    @property
    def failed(self) -> bool:
        """Whether the open transaction has failed, so that nothing but a rollback works."""
        return self.info.transaction_status == TransactionStatus.INERROR

    @property
    def idle(self) -> bool:
        """Whether no transaction is open."""
        return self.info.transaction_status == TransactionStatus.IDLE

    def push(self, *before: str) -> list[PGresult]:
        """Set a savepoint that commits and rollbacks come to, in the trip of what is before it."""
        point = f"usersync_{len(self.points)}"
        results = self.send(*before, f"savepoint {point}")
        self.points.append(point)
        return results

    def pop(self, point: str, *after: str, undo: bool) -> None:
        """Leave the savepoint and those inside it, with or without what was done since."""
        del self.points[self.points.index(point) :]
        back = [f"rollback to savepoint {point}"] if undo else []
        self.send(*back, f"release savepoint {point}", *after)
        self._needs_commit &= not undo

    @property
    def listening(self) -> bool:
        """Whether what is executed now is the app's, in a transaction that is not."""
        return bool(self.points) and not self.serving

    def note(self, query: Any) -> None:  # noqa: ANN401
        """Remember that a statement needs a real commit, if it does."""
        if isinstance(query, sql.Composable):
            query = query.as_string(self)
        text = query.decode(errors="replace") if isinstance(query, bytes) else query
        if isinstance(text, str) and _NEEDS_COMMIT.search(text):
            self._needs_commit = True

    def commit(self) -> None:
        """Commit as far as the caller can see."""
        if not self.points or self._depth or self.idle:
            super().commit()
        elif self.failed:
            self.rollback()
        elif self._needs_commit:
            self._commit_really()
        else:
            self._commit_nested()

    def rollback(self) -> None:
        """Go back to the last commit."""
        if not self.points or self._depth or self.idle:
            super().rollback()
        else:
            self.send(f"rollback to savepoint {self.points[-1]}")
            self._needs_commit = False

    @contextmanager
    def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002
    ) -> Iterator[psycopg.Transaction]:
        """Open a block that is a transaction as far as the caller can see."""
        if not self.points or self._depth or self.serving or self.idle:
            with super().transaction(savepoint_name, force_rollback) as block:
                yield block
            return
        self._depth += 1
        try:
            with super().transaction(savepoint_name, force_rollback) as block:
                yield block
                if not force_rollback:
                    self._fire_deferred()
        except BaseException:
            self._needs_commit = False
            raise
        finally:
            self._depth -= 1
        if self._needs_commit and not force_rollback:
            self._commit_really()

    def _commit_nested(self) -> None:
        point = self.points[-1]
        try:
            self._fire_deferred()
        except psycopg.Error:
            self.send(f"rollback to savepoint {point}")
            raise
        self.send(f"release savepoint {point}", f"savepoint {point}")

    def _commit_really(self) -> None:
        self.points.clear()
        self._needs_commit = False
        super().commit()

    def _fire_deferred(self) -> None:
        cursor = psycopg.Cursor(self, row_factory=dict_row)
        if not (found := cursor.execute(_DEFERRED).fetchall()):
            return
        cursor.execute("set constraints all immediate")
        names = [
            sql.Identifier(row["nspname"], row["conname"]) for row in found if row["condeferred"]
        ]
        if names:
            cursor.execute(sql.SQL("set constraints {} deferred").format(sql.SQL(", ").join(names)))
