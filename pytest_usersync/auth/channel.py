"""The connection of a simulated Supabase Auth: its transactions, and what went over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial, wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from .errors import TIMEOUT, UNEXPECTED, AuthError, failure, refusing
from .settings import AuthSettings
from .statements import Statement

# A connection of the server's own, or what lends it one for each request.
Lender: TypeAlias = Callable[[], AbstractContextManager["psycopg.Connection[object]"]]
Line: TypeAlias = "psycopg.Connection[object] | Lender"
Sent: TypeAlias = "str | tuple[Statement, Sequence[object]]"

# Whether anything can wait for a commit; as a condition, to be asked along with something else.
DEFERRABLE = "exists (select from pg_catalog.pg_constraint where condeferrable)"
_CONSTRAINTS = """\
select n.nspname, c.conname, c.condeferred
from pg_catalog.pg_constraint as c
join pg_catalog.pg_namespace as n on n.oid = c.connamespace
where c.condeferrable
order by n.nspname, c.conname"""


class _Waiting(NamedTuple):
    """A statement on its way: how much had been sent with it, and which answers were open."""

    cursor: psycopg.Cursor[Any]
    sent: int
    scopes: tuple[refusing, ...]


class Channel:
    """Runs the statements of one request at a time and remembers them.

    On an idle connection the transactions are real ones; inside an open transaction they are
    savepoints, and deferred constraints fire where the flow would have committed.
    """

    _connection: psycopg.Connection[object]
    _cursor: psycopg.Cursor[DictRow]
    _pool: list[psycopg.Cursor[DictRow]]

    def __init__(self, line: Line, settings: AuthSettings) -> None:
        if isinstance(line, psycopg.Connection):
            self._take(line)
            self._borrow: Lender = partial(_lent, line)
        else:
            self._borrow = line
        limit = settings.max_request_duration
        self._limit = None if limit is None else limit.total_seconds()
        self._started = 0.0
        self._waiting: list[_Waiting] | None = None
        self.busy = False
        self.sent: list[Sent] = []
        # Whoever wants to keep what several requests send puts a list here.
        self.journal: list[list[Sent]] | None = None
        self.deferrable: bool | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Forget the last request; the time of this one runs from now."""
        self.busy = True
        self.sent = []
        if self.journal is not None:
            self.journal.append(self.sent)
        self._started = time.monotonic()
        try:
            with self._borrow() as connection:
                if connection is not getattr(self, "_connection", None):
                    self._take(connection)
                yield
        finally:
            self.busy = False

    def _take(self, connection: psycopg.Connection[object]) -> None:
        self._connection = connection
        self._pool = []
        self._cursor = connection.cursor(row_factory=dict_row)

    def run(self, statement: Statement, values: Sequence[object]) -> None:
        """Execute the write.

        Raises psycopg.Error when the database refuses, AuthError when time is up.
        """
        self.sent.append((statement, values))
        if self._waiting is None:
            self._cursor.execute(statement.text, values)
        else:
            self._queue(statement, values, self._waiting)
        if self._limit is not None and time.monotonic() - self._started > self._limit:
            raise AuthError(504, "request_timeout", TIMEOUT)

    def _queue(
        self, statement: Statement, values: Sequence[object], waiting: list[_Waiting]
    ) -> None:
        """Send the write without waiting for what becomes of it."""
        with self._attributed():
            self._next(waiting).execute(statement.text, values)

    def _next(self, waiting: list[_Waiting]) -> psycopg.Cursor[DictRow]:
        """Return a cursor that waits for no answer; making one costs as much as sending."""
        if len(waiting) == len(self._pool):
            self._pool.append(self._connection.cursor(row_factory=dict_row))
        cursor = self._pool[len(waiting)]
        waiting.append(_Waiting(cursor, len(self.sent), refusing.open()))
        return cursor

    @contextmanager
    def _attributed(self) -> Iterator[None]:
        """Give an error to the write that it belongs to, as if each had been waited for."""
        try:
            yield
        except psycopg.Error as error:
            for one in self._waiting or ():
                if one.cursor.statusmessage is None:
                    del self.sent[one.sent :]
                    self._waiting = []
                    told = refusing.answer(error, one.scopes)
                    raise told from (None if told is error else error)
            raise

    def settle(self) -> None:
        """Wait for the writes that are on their way."""
        if self._waiting:
            with self._attributed(), self._connection.pipeline() as pipeline:
                pipeline.sync()
            self._waiting = []

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Let the writes inside go out together; wait where something is read, and at the end."""
        if self._waiting is not None:
            yield
            return
        self._waiting = []
        try:
            with self._attributed(), self._connection.pipeline() as pipeline:
                try:
                    yield
                except BaseException:
                    self._drain(pipeline)
                    raise
        finally:
            self._waiting = None

    def _drain(self, pipeline: psycopg.Pipeline) -> None:
        """Take in what is still to come after an error; psycopg would log it as a warning."""
        while not self._connection.closed:
            try:
                pipeline.sync()
            except psycopg.Error:
                continue
            return

    def run_alone(self, statement: Statement, values: Sequence[object]) -> None:
        """Execute the write in a transaction of its own, as autocommit does."""
        with self._connection.transaction():
            self.run(statement, values)

    def rows(self, query: str, values: Sequence[object]) -> list[DictRow]:
        """Return what the query finds; on an idle connection, leave no transaction open."""
        if self._waiting is not None:
            return self._read(query, values, self._waiting)
        if self._connection.autocommit or self._open:
            return self._cursor.execute(query, values).fetchall()
        with self._connection.transaction():
            return self._cursor.execute(query, values).fetchall()

    def _read(self, query: str, values: Sequence[object], waiting: list[_Waiting]) -> list[DictRow]:
        with self._attributed():
            found = self._next(waiting).execute(query, values).fetchall()
        waiting.clear()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin and commit; roll back on any error but an ``AuthError`` that commits."""
        nested = self._open
        told: AuthError | None = None
        self.deferrable = None  # Nobody knows yet.
        self.sent.append("begin")
        with self._connection.transaction():
            try:
                with self._together():
                    yield
            except AuthError as error:
                if not error.committed:
                    raise
                told = error
            self.sent.append("commit")
            if nested:
                self._fire_deferred()
        if told:
            raise told

    @property
    def _open(self) -> bool:
        return self._connection.info.transaction_status != TransactionStatus.IDLE

    def _fire_deferred(self) -> None:
        if self.deferrable is False or not (constraints := self.rows(_CONSTRAINTS, [])):
            return
        self._cursor.execute("set constraints all immediate")
        if deferred := [
            sql.Identifier(row["nspname"], row["conname"])
            for row in constraints
            if row["condeferred"]
        ]:
            names = sql.SQL(", ").join(deferred)
            self._cursor.execute(sql.SQL("set constraints {} deferred").format(names))


def _lent(
    connection: psycopg.Connection[object],
) -> AbstractContextManager[psycopg.Connection[object]]:
    return nullcontext(connection)


class Speaker(Protocol):
    """Anything with endpoints."""

    @property
    def channel(self) -> Channel:
        """The connection that the endpoints use."""


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Speaker)


def endpoint(
    function: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Make the method one request: its own record, its own time limit, only ``AuthError`` out."""

    @wraps(function)
    def request(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.channel.busy:  # One endpoint calls another, as POST /otp calls POST /signup.
            return function(self, *args, **kwargs)
        try:
            with self.channel.request():
                return function(self, *args, **kwargs)
        except AuthError as error:
            cause = error.__cause__
            told = _timed_out(cause) or error
        except psycopg.Error as error:
            cause = error
            told = _timed_out(error) or failure(UNEXPECTED)
        # Raised at one place and without what led to it. Which write noticed the refusal depends on
        # the timing of the answers, and Hypothesis would take the same failure for another one.
        told.__context__ = None
        raise told.with_traceback(None) from cause

    return request


def _timed_out(cause: BaseException | None) -> AuthError | None:
    if isinstance(cause, psycopg.errors.QueryCanceled) and "user request" in str(cause):
        return AuthError(504, "request_timeout", TIMEOUT)
    return None
