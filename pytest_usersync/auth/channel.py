"""The connection of a simulated Supabase Auth: its transactions, and what went over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from ..postgres import deferred, statement_timeout
from ..postgres.pipeline import OneByOne, Pipeline, Query
from .errors import TIMEOUT, AuthError, refusing
from .settings import AuthSettings
from .statements import Statement

# A connection of the server's own, or what lends it one for each request.
Lender: TypeAlias = Callable[[], AbstractContextManager["psycopg.Connection[object]"]]
Line: TypeAlias = "psycopg.Connection[object] | Lender"
Sent: TypeAlias = "str | tuple[Statement, Sequence[object]]"


class _Waiting(NamedTuple):
    """A statement on its way: how much had been sent with it, and which answers were open.

    ``take`` is told what it has found.
    """

    query: Query
    sent: int
    scopes: tuple[refusing, ...]
    take: Callable[[list[DictRow]], None] | None = None


class Channel:
    """Runs the statements of one request at a time and remembers them.

    On an idle connection the transactions are real ones; inside an open transaction they are
    savepoints, and deferred constraints fire where the flow would have committed.
    """

    _connection: psycopg.Connection[object]
    _pipeline: Pipeline

    def __init__(self, line: Line, settings: AuthSettings) -> None:
        self._borrow: Lender = (
            (lambda: nullcontext(line)) if isinstance(line, psycopg.Connection) else line
        )
        limit = settings.max_request_duration
        self._limit = None if limit is None else limit.total_seconds()
        self._started = 0.0
        self._waiting: list[_Waiting] = []
        self._together = False
        self.sent: list[Sent] = []
        # Whoever wants to keep what several requests send puts a list here.
        self.journal: list[list[Sent]] | None = None
        self.deferrable: bool | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Forget the last request; the time of this one runs from now."""
        self.sent = []
        if self.journal is not None:
            self.journal.append(self.sent)
        self._started = time.monotonic()
        try:
            with self._borrow() as connection:
                self._take(connection)
                yield
        except (psycopg.Error, AuthError) as error:
            cause = error.__cause__ if isinstance(error, AuthError) else error
            if statement_timeout.behind(cause) and not _is_timeout(error):
                # A statement that does not end is not waited for: the request has its own limit.
                raise AuthError(504, "request_timeout", TIMEOUT) from cause
            raise

    def _take(self, connection: psycopg.Connection[object]) -> None:
        # The app may have a pipeline of its own open.
        alone = connection.pgconn.pipeline_status or getattr(connection, "one_by_one", False)
        kind = OneByOne if alone else Pipeline
        known = connection is getattr(self, "_connection", None)
        if not known or type(self._pipeline) is not kind:
            self._connection, self._pipeline = connection, kind(connection)

    def run(self, statement: Statement, values: Sequence[object]) -> None:
        """Execute the write; in a transaction, with what is read or written next.

        Raises psycopg.Error when the database refuses, AuthError when time is up.
        """
        self.sent.append((statement, values))
        self._wait_with(statement.text, values)
        if not (self._together and self._pipeline.together):
            self.settle()

    def _wait_with(
        self,
        text: str,
        values: Sequence[object],
        take: Callable[[list[DictRow]], None] | None = None,
    ) -> None:
        try:
            packed = self._pipeline.pack(text, values)
        except psycopg.Error:
            self.settle()  # What was written before may have been refused before.
            raise
        self._waiting.append(_Waiting(packed, len(self.sent), refusing.open(), take))

    def settle(self) -> None:
        """Wait for the writes that are on their way."""
        if self._waiting:
            self._deliver()

    def _deliver(self) -> list[DictRow]:
        """Send what waits, in one trip; give an error to the write that it belongs to."""
        waiting, self._waiting = self._waiting, []
        pipeline = self._pipeline
        try:
            found = pipeline.exchange([one.query for one in waiting])
        except psycopg.Error as error:
            self._take_in(waiting, pipeline.found)
            # An error after all results, such as a lost connection, belongs to the last write.
            refused = waiting[min(len(pipeline.found), len(waiting) - 1)]
            told = self._refused(error, refused)
            raise told from (None if told is error else error)
        self._take_in(waiting, found)
        if self._limit is not None and time.monotonic() - self._started > self._limit:
            raise AuthError(504, "request_timeout", TIMEOUT)
        return found[-1]

    def _take_in(self, waiting: Sequence[_Waiting], found: Sequence[list[DictRow]]) -> None:
        """Tell what was read to whoever went on without it."""
        for one, rows in zip(waiting, found, strict=False):
            if one.take:
                try:
                    one.take(rows)
                except AuthError as error:
                    raise self._refused(error, one) from error.__cause__

    def _refused(
        self, error: psycopg.Error | AuthError, refused: _Waiting
    ) -> psycopg.Error | AuthError:
        """Return what the client is told of a statement, which is the last that was sent."""
        del self.sent[refused.sent :]
        return refusing.answer(error, refused.scopes)

    def run_alone(self, statement: Statement, values: Sequence[object]) -> None:
        """Execute the write in a transaction of its own, as autocommit does."""
        with self._connection.transaction():
            self.run(statement, values)

    def rows(self, query: str, values: Sequence[object]) -> list[DictRow]:
        """Return what the query finds; on an idle connection, leave no transaction open."""
        if not (self._connection.autocommit or self._open):
            with self._connection.transaction():
                return self._read(query, values)
        return self._read(query, values)

    def rows_later(
        self, query: str, values: Sequence[object], take: Callable[[list[DictRow]], None]
    ) -> None:
        """Give to ``take`` what the query finds: in a transaction, when it is next waited for.

        An AuthError that it raises counts as the query's; nothing after it was sent, then.
        """
        self._wait_with(query, values, take)
        if not (self._together and self._pipeline.reads_later):
            self.settle()

    def _read(self, query: str, values: Sequence[object]) -> list[DictRow]:
        self._wait_with(query, values)
        return self._deliver()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin and commit; roll back on any error but an ``AuthError`` that commits."""
        nested = self._open
        self.deferrable = None  # Nobody knows yet.
        self.sent.append("begin")
        with self._connection.transaction():
            told = None
            self._together = True
            try:
                try:
                    yield
                except AuthError as error:
                    # A write on its way may have been refused before: that is the answer then.
                    self.settle()
                    if not error.committed:
                        raise
                    told = error
                self.sent.append("commit")
                if any(one.take for one in self._waiting):
                    self.settle()  # What was read tells whether anything is deferrable.
                if nested:
                    self._fire_deferred()
                self.settle()
            finally:
                self._together = False
                self._waiting = []
        if told:
            raise told

    @property
    def _open(self) -> bool:
        return self._connection.pgconn.transaction_status != TransactionStatus.IDLE

    def _fire_deferred(self) -> None:
        if self.deferrable is not False:
            for text in deferred.fire(self._read(deferred.CONSTRAINTS, [])):
                self._wait_with(text.replace("%", "%%"), [])


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, AuthError) and error.code == "request_timeout"
