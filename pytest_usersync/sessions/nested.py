"""A connection whose commits stay inside a larger transaction, rolled back at the test's end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import dict_row

from ..postgres import cursors, deferred
from .pipelined import PipelinedConnection

# What only a real commit brings about, or undoes.
_NEEDS_COMMIT = re.compile(
    r"\bset\s+local\b|set_config|\bon\s+commit\b|notify|\blisten\b|\bwith\s+hold\b"
    r"|\bset\s+transaction\b|advisory_xact|\bprepare\s+transaction\b",
    re.IGNORECASE,
)
_POINT = "usersync_0"
_BEGIN = ("begin", f"savepoint {_POINT}")
# A rollback keeps the advisory locks of a session.
_UNLOCK = "select pg_catalog.pg_advisory_unlock_all()"
# Only what the app prepared by `prepare`: what psycopg and we prepare does not come from SQL.
_PREPARED = """
select string_agg(pg_catalog.format('deallocate %I', name), ';')
from pg_catalog.pg_prepared_statements
where from_sql
"""


class _Cursor(psycopg.Cursor[Any]):
    """Notes which statements a nested commit could not stand in for."""

    def execute(self, query: Any, *given: Any, **named: Any) -> Self:  # noqa: ANN401
        connection = self.connection
        if isinstance(connection, NestedConnection) and connection.listening:
            connection.note(query)
        return super().execute(query, *given, **named)


class NestedConnection(PipelinedConnection):
    """A psycopg connection that can be put inside a transaction of its own.

    Inside, ``commit``, ``rollback`` and the outermost ``transaction()`` block do what the code that
    calls them can see: deferred constraints fire, a rollback goes back to the last commit. Where
    that is not enough (``set local``, ``notify``, …) a commit is a real one, and ends the nesting.
    """

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self.points: list[str] = []
        self.serving = False
        self.parts = 0
        self._touched = False
        self._begun = False
        # Whether something was committed since the last savepoint, as far as the caller can see.
        self._committed = False
        self._needs_commit = False
        self.restore()

    def restore(self) -> None:
        """Set what a test may have set on the object itself."""
        self.row_factory = dict_row
        self.cursor_factory = _Cursor
        # A plan that outlives a test may not fit the tables of the next one.
        self.prepare_threshold = None

    @property
    def failed(self) -> bool:
        """Whether the open transaction has failed, so that nothing but a rollback works."""
        return self.status == TransactionStatus.INERROR

    @property
    def pristine(self) -> bool:
        """Whether every setting is still what the session began with."""
        return bool(self.points) and not (self.parts or self._touched)

    def begin(self, *, later: bool = False) -> None:
        """Begin the transaction that everything stays in.

        Args:
            later: in the trip of what comes next.
        """
        self._begun = self._needs_commit = self._committed = self._touched = False
        self.begin_test()
        self.parts = 0
        self.points = [_POINT]
        if later:
            self._ahead = _BEGIN
        else:
            self.send(*_BEGIN)

    def begin_as(self, *enter: str) -> bool:
        """Take a role in the transaction that is still to be begun; return whether it was so."""
        if self._ahead != _BEGIN:
            return False
        self._ahead = (_BEGIN[0], *enter, _BEGIN[1])
        self._fresh = _POINT
        return True

    def end(self) -> None:
        """Roll back to the very beginning; raise psycopg.Error when that is gone.

        Where nothing of the app's has run, nobody waits for it: ``failure`` tells how it went.
        """
        points, self.points = self.points, []
        if self.closed or not points:
            raise psycopg.OperationalError("the transaction was ended from inside")
        if "begin" in self.take_ahead():  # What has not been sent is as good as rolled back.
            self.restore()
            return
        statements = (f"rollback to savepoint {points[0]}", "rollback")
        if self._touched:
            self._clean(*statements)
        else:
            self.post(*statements, _UNLOCK)
            self._rest()

    def undo(self, point: str) -> None:
        """Take back what was done since the savepoint; raise psycopg.Error when that is gone."""
        del self.points[self.points.index(point) :]
        self._clean(f"rollback to savepoint {point}", f"release savepoint {point}")

    def _clean(self, *before: str) -> None:
        """Take back a transaction, and what of the app's no rollback takes back."""
        left = (_PREPARED,) if self._touched else ()
        *_, found = self.send(*before, _UNLOCK, *left)
        if text := found.get_value(0, 0):
            self.send(text.decode())
        self._rest()

    def _rest(self) -> None:
        """Be as before anybody did anything."""
        self._begun = self._needs_commit = self._committed = False
        self.restore()

    def push(self, *before: str, later: bool = False) -> list[PGresult]:
        """Set a savepoint that commits and rollbacks come to, in the trip of what is before it.

        Args:
            later: in the trip of what comes next.
        """
        point = f"usersync_{len(self.points)}"
        again = self._forward()
        statements = (*again, *before, f"savepoint {point}")
        results = [] if later else self.send(*statements)
        if later:
            self._ahead += statements
        self.points.append(point)
        self._fresh = point
        return results[len(again) :]

    def pop(
        self, point: str, *after: str, undo: bool, begun: bool = True, later: bool = False
    ) -> None:
        """Leave the savepoint and those inside it, with or without what was done since.

        Args:
            after: what to run outside of it, in the same trip.
            begun: whether a transaction of the app's was open before; if not, this was one.
            later: in the trip of what comes next, if nothing is to be undone.
        """
        at = self.points.index(point)
        self._fresh = ""
        del self.points[max(at, 1) :]  # The first one is the test's as well.
        leave = (f"release savepoint {point}", *after) if at else after
        if later and not undo:
            self._ahead += leave
        else:
            self.send(*([f"rollback to savepoint {point}"] if undo else []), *leave)
        if not begun:
            self._committed = bool(self.points)
            self._begun = False
            self._needs_commit &= not undo
            if self._needs_commit:
                self._settle()

    def _forward(self) -> list[str]:
        """Return what moves the last savepoint to the last commit: no rollback goes behind it."""
        if not self._committed:
            return []
        self._committed = False
        return [f"release savepoint {self.points[-1]}", f"savepoint {self.points[-1]}"]

    def _go_forward(self) -> None:
        if statements := self._forward():
            self.send(*statements)

    @property
    def begun(self) -> bool:
        """Whether the app has a transaction open, as far as it can see."""
        return self._begun

    @property
    def listening(self) -> bool:
        """Whether what is executed now is the app's, in a transaction that is not."""
        return bool(self.points) and not self.serving

    def note(self, query: Any) -> None:  # noqa: ANN401
        """Remember that a transaction has begun, and whether it needs a real commit."""
        self._go_forward()
        self._begun = self._touched = True
        if _NEEDS_COMMIT.search(cursors.text_of(query, self)):
            self._needs_commit = True

    def commit(self) -> None:
        """Commit as far as the caller can see."""
        if not self.points or self._depth or self.idle:
            super().commit()
        elif self.failed:
            self.rollback()
        else:
            try:
                self._fire()
            except psycopg.Error:
                self.rollback()
                raise
            self._settle()

    def rollback(self) -> None:
        """Go back to the last commit."""
        if not self.points or self._depth or self.idle:
            super().rollback()
        elif self._begun or self.failed:
            self.send(f"rollback to savepoint {self.points[-1]}")
            self._begun = self._needs_commit = False

    def transaction(  # type: ignore[override]  # psycopg promises a generator's
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002
    ) -> AbstractContextManager[psycopg.Transaction]:
        """Open a block that is a transaction as far as the caller can see."""
        if self.serving and not self.idle:
            return self.savepoint()
        return self._block(savepoint_name, force_rollback)

    @contextmanager
    def _block(
        self,
        savepoint_name: str | None,
        force_rollback: bool,  # noqa: FBT001
    ) -> Iterator[psycopg.Transaction]:
        self._go_forward()
        outermost = self.listening and not (self._depth or self._begun or self.idle)
        self._depth += outermost
        try:
            with super().transaction(savepoint_name, force_rollback) as block:
                yield block
                if outermost and not force_rollback:
                    self._fire()
        except BaseException:
            if outermost:
                self._begun = self._needs_commit = False
            raise
        finally:
            self._depth -= outermost
        if outermost:
            self._settle()

    def _fire(self) -> None:
        """Let deferred constraints and triggers have their turn, as at a commit."""
        cursor = psycopg.Cursor(self, row_factory=dict_row)
        for text in deferred.fire(cursor.execute(deferred.CONSTRAINTS).fetchall()):
            cursor.execute(text.encode())

    def _settle(self) -> None:
        """Keep what was done, so that a rollback does not go behind it."""
        if self._needs_commit:
            self.points.clear()
            super().commit()
        else:
            self._committed = True
        self._begun = self._needs_commit = False
