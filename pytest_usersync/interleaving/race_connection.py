"""The connection of a session: each statement on it asks first whether it is its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow

from ..postgres import Server, cursors, database
from ..postgres.pipeline import Query, expect, send
from ..postgres.prepared import PreparedStatements

T = TypeVar("T")
# What a session leaves behind at its end; the plans that functions have made stay.
_CLEAN = (
    "rollback; {}; reset all; close all; unlisten *; discard temp;"
    " discard sequences; select pg_catalog.pg_advisory_unlock_all()"
)
_LOCKS = "select usersync_race.locks(), pg_catalog.current_setting('transaction_isolation')"
_CALLS = "coalesce(pg_catalog.pg_stat_get_xact_function_calls({}), 0)"


class Listener(Protocol):
    """Who is asked before a statement is sent, and told what came of it."""

    def statement(
        self, cursor: psycopg.Cursor[Any], text: str, sent: tuple[Any, ...], run: Callable[[], T]
    ) -> T:
        """Run the statement when it is its turn."""

    def statements(self, texts: Sequence[str], run: Callable[[], list[PGresult]]) -> list[PGresult]:
        """Run statements together, when it is the turn of the first."""

    def commit(self, run: Callable[[], T]) -> T:
        """Run the commit when it is its turn."""

    def rollback(self, run: Callable[[], T]) -> T:
        """Run the rollback."""

    def lost(self) -> None:
        """Take in that a part of a transaction is taken back."""

    def heard(self, notice: psycopg.errors.Diagnostic) -> None:
        """Take in what the server says meanwhile."""


class _Cursor(psycopg.Cursor[Any]):
    """A cursor that waits for its turn."""

    def execute(self, query: Any, *given: Any, **named: Any) -> Self:  # noqa: ANN401
        listener = _listener(self)
        if listener is None:
            return super().execute(query, *given, **named)
        run = super().execute
        sent = (query, *given[:1])
        return listener.statement(
            self, cursors.text_of(query, self), sent, lambda: run(query, *given, **named)
        )

    def executemany(self, query: Any, *given: Any, **named: Any) -> None:  # noqa: ANN401
        listener = _listener(self)
        many = super().executemany

        def run() -> None:
            with _together(self.connection):
                many(query, *given, **named)

        if listener is None:
            run()
        else:
            listener.statement(self, cursors.text_of(query, self), (query,), run)

    @contextmanager
    def copy(self, statement: Any, *given: Any, **named: Any) -> Iterator[psycopg.Copy]:  # noqa: ANN401
        if listener := _listener(self):
            listener.statement(self, cursors.text_of(statement, self), (statement,), lambda: None)
        with super().copy(statement, *given, **named) as copy:
            yield copy


class _AtOnce:
    """Stands in for a pipeline: what is sent is answered at once, as steps are one by one."""

    def sync(self) -> None:
        """Wait for nothing."""


class RaceConnection(psycopg.Connection[DictRow]):
    """A plain psycopg connection, but for the turns that its statements wait for."""

    listener: Listener | None = None
    together = False
    # Whether Supabase Auth sends each statement alone: somebody may step between.
    one_by_one = True

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self.cursor_factory = _Cursor
        self.prepare_threshold = None
        self.add_notice_handler(self._hear)
        self.plans = PreparedStatements(self)

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        if self.listener:
            self.listener.heard(notice)

    def send_together(self, queries: Sequence[Query]) -> list[PGresult]:
        """Send what Supabase Auth sends together; return the results, up to the first error."""
        if self.listener is None:
            return send(self, queries)
        texts = [one.text for one in queries]
        return self.listener.statements(texts, lambda: self.plans.send_together(queries))

    def commit(self) -> None:
        """Commit, when it is its turn."""
        commit = super().commit
        if self.listener and self.info.transaction_status == TransactionStatus.INTRANS:
            self.listener.commit(commit)
        else:
            commit()

    def rollback(self) -> None:
        """Roll back."""
        self.plans.forget()
        rollback = super().rollback
        if self.listener and not self.closed:
            self.listener.rollback(rollback)
        else:
            rollback()

    @contextmanager
    def transaction(self, *given: Any, **named: Any) -> Iterator[psycopg.Transaction]:  # noqa: ANN401
        """Open a block whose end waits for its turn, if it commits."""
        outermost = self.info.transaction_status == TransactionStatus.IDLE
        block = super().transaction(*given, **named)
        with block as opened:
            try:
                yield opened
            except BaseException:
                self.plans.forget()
                if self.listener:
                    self.listener.lost()
                raise
            if outermost and self.listener:
                # The block commits when it is left; here it only waits for its turn.
                self.listener.commit(lambda: None)

    @contextmanager
    def pipeline(self) -> Iterator[Any]:
        """Open a pipeline, unless each statement is to have its turn."""
        if self.listener and not self.together:
            yield _AtOnce()
        else:
            with super().pipeline() as pipeline:
                yield pipeline


class RaceLogin:
    """A session of the server that one race after the other may use."""

    def __init__(self, connection: RaceConnection, login: str, superuser: str) -> None:
        self.connection = connection
        # Who logged in without a superuser's rights comes back to that; others take the role again.
        own = connection.info.user != superuser
        take = sql.SQL("set session authorization {}").format(sql.Identifier(login))
        back = "reset session authorization; reset role" if own else take.as_string(None)
        self._clean = _CLEAN.format(back).encode()
        self.pid = connection.info.backend_pid
        self._calls = "0"
        self.slot = 0
        self.held = False
        self.pauses = 0
        self.broken = False

    @classmethod
    def open(cls, server: Server, name: str, login: str, options: str) -> Self:
        """Log in; raises psycopg.Error."""
        connection = database.connect(server, name, login, kind=RaceConnection, options=options)
        if not isinstance(connection, RaceConnection):
            raise TypeError(type(connection))
        superuser = str(conninfo_to_dict(server.conninfo)["user"])
        return cls(connection, login, superuser)

    def send(self, text: bytes) -> None:
        """Run statements of ours, for which there are no turns; raises psycopg.Error."""
        expect(self.connection, self.connection.pgconn.exec_(text))

    def locks(self, counted: Sequence[int]) -> tuple[list[list[str]], str, bool]:
        """Return what the open transaction has locked: what, how, of which kind; its isolation.

        Args:
            counted: functions; at last it is told whether one of them has been called.
        """
        calls = " + ".join([*map(_CALLS.format, counted), "0"])
        result = expect(
            self.connection, self.connection.pgconn.exec_(f"{_LOCKS}, {calls}".encode())
        )
        locks, level, count = ((result.get_value(0, column) or b"").decode() for column in range(3))
        # The count of what was called before may be reported meanwhile, and begin anew.
        called = count not in ("0", self._calls)
        self._calls = count
        return [one.split("|") for one in locks.split("/") if one], level, called

    def clean(self) -> None:
        """End what is open, as if the session had gone, and be as at the login."""
        connection = self.connection
        connection.listener = None
        if connection.closed:
            self.broken = True
            return
        try:
            self.send(self._clean)
            connection.autocommit = True
            connection.isolation_level = None
            connection.row_factory = psycopg.rows.dict_row
            connection.one_by_one = True
        except psycopg.Error:
            self.broken = True


@contextmanager
def _together(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Let a pipeline be one: psycopg opens one for what is a single step of ours."""
    if not isinstance(connection, RaceConnection):
        yield
        return
    connection.together = True
    try:
        yield
    finally:
        connection.together = False


def _listener(cursor: psycopg.Cursor[Any]) -> Listener | None:
    connection = cursor.connection
    return connection.listener if isinstance(connection, RaceConnection) else None
