"""A connection on which statements of ours wait for the next round trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow

from ..postgres.pipeline import Query, expect, sqlstate
from ..postgres.prepared import Key, PreparedStatements, is_spent

_POINT = "usersync_plans"


class PipelinedConnection(psycopg.Connection[DictRow]):
    """A psycopg connection on which statements of ours may wait for the next trip.

    What Supabase Auth sends has prepared statements that outlive the test they were made in. The
    app may have altered a table since, or deallocated everything, in this test or an earlier one.
    So where that may be, a trip in which one no longer fits goes out again with new ones.
    """

    reads_later = True

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self._plans = PreparedStatements(self)
        # Those that fit the database as a test finds it; whether the app may have changed that; and
        # whether all that was ever prepared is still there.
        self._proven: set[Key] = set()
        self._changed = self._kept = False
        self._ahead: tuple[str, ...] = ()
        # The savepoint since which nothing was done, if there is one; how many blocks are open.
        self._fresh = ""
        self._depth = 0
        # Whether the server is still at work on what was sent and not waited for; how that went.
        self._unanswered = False
        self._failure: psycopg.Error | None = None

    def send_together(self, queries: Sequence[Query]) -> list[PGresult]:
        """Send what Supabase Auth sends; return the results, up to the first error."""
        self.catch_up()
        keys = [(one.sql, one.types) for one in queries]
        if not self._changed and self._proven.issuperset(keys):
            return self._sent((), queries, ())
        idle = self.idle
        release = () if idle else (f"release savepoint {_POINT}",)
        kept = self._plans.any_of(keys)
        results = self._sent(() if idle else (f"savepoint {_POINT}",), queries, release)
        if is_spent(results[-1]):
            kept = True  # None at all, that is.
            back = () if idle else (f"rollback to savepoint {_POINT}",)
            results = self._sent(back, queries, release)
        if sqlstate(results[-1]) is None and not self._changed:
            self._proven.update(keys)
            self._kept |= kept
        return results

    def _sent(
        self, before: Sequence[str], queries: Sequence[Query], after: Sequence[str]
    ) -> list[PGresult]:
        """Return the results of the queries, or what stopped the trip before them."""
        kept = self._kept and not self._changed
        ahead = [Query(text.encode(), once=not kept) for text in self.take_ahead()]
        first = [*ahead, *(Query(text.encode(), once=True) for text in before)]
        last = [Query(text.encode(), once=True) for text in after]
        results = self._plans.send_together([*first, *queries, *last])
        return results[len(first) :] or results[-1:]

    def send(self, *statements: str) -> list[PGresult]:
        """Run statements in one trip, without psycopg's own bookkeeping."""
        with self.lock:
            return self._send(*statements)

    def _send(self, *statements: str) -> list[PGresult]:
        ahead = self.take_ahead()
        self.catch_up()
        self.pgconn.send_query("; ".join((*ahead, *statements)).encode())
        return self._answers()[len(ahead) :]

    def _answers(self) -> list[PGresult]:
        results: list[PGresult] = []
        while result := self.pgconn.get_result():
            results.append(result)
        if not results:
            raise psycopg.OperationalError("the answer was taken by somebody else")
        expect(self, results[-1])
        return results

    def post(self, *statements: str) -> None:
        """Send statements, and leave the server alone with them; nothing else is open.

        Whatever is sent next takes in first what came of them: see ``failure``.
        """
        with self.lock:
            self.catch_up()
            self.pgconn.send_query("; ".join(statements).encode())
            self._unanswered = True

    def catch_up(self) -> None:
        """Take in what came of the statements that nobody waited for."""
        if not self._unanswered:
            return
        self._unanswered = False
        try:
            self._answers()
        except psycopg.Error as error:
            self._failure = error

    @property
    def failure(self) -> psycopg.Error | None:
        """Return what kept the server from doing what nobody waited for, if anything did."""
        with self.lock:
            self.catch_up()
        return self._failure

    @property
    def info(self) -> psycopg.ConnectionInfo:
        """Tell about the connection as it is when it has answered."""
        self.catch_up()
        return super().info

    @property
    def status(self) -> int:
        """Return the ``TransactionStatus`` as it is when the server has answered."""
        self.catch_up()
        return self.pgconn.transaction_status

    @property
    def idle(self) -> bool:
        """Whether no transaction is open, nor about to be."""
        return not self._ahead and self.status == TransactionStatus.IDLE

    def take_ahead(self) -> tuple[str, ...]:
        """Return what is to be sent before anything else."""
        ahead, self._ahead = self._ahead, ()
        self._fresh = ""
        return ahead

    def wait(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        """Do what psycopg does for every statement, after what is still to be sent before it."""
        self._changed = True
        self.catch_up()
        if self._ahead:
            self._send()
        self._fresh = ""
        return super().wait(*given, **named)

    @contextmanager
    def savepoint(self) -> Iterator[psycopg.Transaction]:
        """Do what a nested ``transaction()`` does, in half the time.

        Where nothing was done since the last savepoint, that one serves as well.
        """
        self._depth += 1
        shared = self._fresh
        name = shared or f"usersync_block_{self._depth}"
        release = () if shared else (f"release savepoint {name}",)
        try:
            if not shared:
                self._ahead += (f"savepoint {name}",)
            yield psycopg.Transaction(self)
        except BaseException:
            if not self.closed:
                self.send(f"rollback to savepoint {name}", *release)
            raise
        else:
            self._ahead += release
        finally:
            self._depth -= 1

    def begin_test(self) -> None:
        """Take in that a new test begins; whether what is prepared fits remains to be seen."""
        if self._changed:
            self._proven.clear()
            self._changed = False
            self._kept = not self._plans
