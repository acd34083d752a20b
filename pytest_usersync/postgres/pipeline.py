"""Pipelines: many statements in one round trip, and an error for the statement that caused it.

psycopg has pipelines too, but its bookkeeping for each statement takes longer than most of our
statements do. So these talk to libpq itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from itertools import count
from typing import Any, NamedTuple, TypeAlias, TypeVar

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow, dict_row
from psycopg.waiting import Ready, Wait

T = TypeVar("T")
# What psycopg's ``wait`` drives: it yields what it waits for, and returns a value.
Waits: TypeAlias = "Generator[Wait, Ready | int, T]"
# Sends queries, and returns their results up to the first error.
SendTogether: TypeAlias = "Callable[[Sequence[Query]], list[PGresult]]"

# Cut to length for each statement; none of ours has as many parameters.
_AUTO = [PyFormat.AUTO] * 100


class Query(NamedTuple):
    """A statement and its parameters, as libpq sends them.

    Args:
        sql: the statement, with ``$1`` for its first parameter.
        types: the types of the parameters; PostgreSQL decides where there are none.
        text: the statement as it was written.
        once: whether it is not worth a prepared statement.
    """

    sql: bytes
    values: Sequence[Any] = ()
    types: tuple[int, ...] = ()
    formats: Sequence[Format] | None = None
    text: str = ""
    once: bool = False

    def send(self, pgconn: PGconn) -> None:
        """Send it, and wait for nothing."""
        pgconn.send_query_params(self.sql, self.values, self.types or None, self.formats)


def query(text: str, *values: str | None) -> Query:
    """Return a statement whose parameters are text; stray bytes of a file stay what they were."""
    return Query(encoded(text), [None if one is None else encoded(one) for one in values])


def encoded(text: str) -> bytes:
    """Return a text as it stood in its file, stray bytes included."""
    return text.encode("utf-8", "surrogateescape")


class Pipeline:
    """Sends queries of one connection together, and reads the rows that they return.

    The connection may have a ``send_together`` of its own, and may let reads wait
    (``reads_later``).
    """

    together = True

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._send_together: SendTogether = getattr(connection, "send_together", None) or partial(
            send, connection
        )
        # Whether what is read may go out with what is written after it.
        self.reads_later = bool(getattr(connection, "reads_later", False))
        self._adapt = Transformer(connection)
        self._names: dict[bytes, list[str]] = {}
        # The rows of each statement of the last trip that succeeded.
        self.found: list[list[DictRow]] = []

    def pack(self, text: str, values: Sequence[object]) -> Query:
        """Return a statement with psycopg's ``%s``; raises psycopg.Error for a wrong value."""
        dumped = self._adapt.dump_sequence(values, _AUTO[: len(values)])
        types, formats = self._adapt.types or (), self._adapt.formats or []
        return Query(_numbered(text), dumped, types, formats, text)

    def exchange(self, queries: Sequence[Query]) -> list[list[DictRow]]:
        """Send the queries, and return the rows of each.

        Raises psycopg.Error for the first one that fails: the one after those of ``found``.
        """
        self.found = found = []
        with self._connection.lock:
            results = self._send_together(queries)
        for one, result in zip(queries, results, strict=False):
            expect(self._connection, result)
            found.append(self._rows(one.sql, result) if result.ntuples else [])
        return found

    def _rows(self, sql: bytes, result: PGresult) -> list[DictRow]:
        if not (names := self._names.get(sql)):
            names = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
            self._names[sql] = names
        self._adapt.set_pgresult(result)
        return self._adapt.load_rows(
            0, result.ntuples, lambda values: dict(zip(names, values, strict=True))
        )


class OneByOne(Pipeline):
    """Executes each query by a cursor: each waits for its turn, or the app has a pipeline."""

    together = False

    def pack(self, text: str, values: Sequence[object]) -> Query:
        """Return the statement as a cursor takes it."""
        return Query(b"", values, text=text)

    def exchange(self, queries: Sequence[Query]) -> list[list[DictRow]]:
        """Execute the queries, and return the rows of each; raises psycopg.Error."""
        self.found = found = []
        cursor = self._connection.cursor(row_factory=dict_row)
        for one in queries:
            cursor.execute(one.text, one.values)
            if self._connection.pgconn.pipeline_status:
                with self._connection.pipeline() as pipeline:
                    pipeline.sync()
            found.append(cursor.fetchall() if cursor.description else [])
        return found


@cache
def _numbered(text: str) -> bytes:
    """Return the statement with the placeholders that the server knows: ``$1`` for ``%s``."""
    numbers = count(1)
    marks = re.sub("%[s%]", lambda at: f"${next(numbers)}" if at[0] == "%s" else "%", text)
    return marks.encode()


def expect(connection: psycopg.Connection[Any], result: PGresult) -> PGresult:
    """Return a result; raise the psycopg.Error that it tells of."""
    if result.status == ExecStatus.FATAL_ERROR:
        raise error_from_result(result, connection.info.encoding)
    return result


def sqlstate(result: PGresult) -> str | None:
    """Return the SQLSTATE of an error; None if it is none."""
    state = result.error_field(DiagnosticField.SQLSTATE)
    return state.decode() if state else None


def send(connection: psycopg.Connection[Any], queries: Sequence[Query]) -> list[PGresult]:
    """Send queries as one transaction; return their results, up to the first error."""

    def post(pgconn: PGconn) -> None:
        for one in queries:
            one.send(pgconn)

    return round_trip(connection, post)


def round_trip(
    connection: psycopg.Connection[Any], post: Callable[[PGconn], None]
) -> list[PGresult]:
    """Let ``post`` send statements; return their results, up to the first error."""
    with pipelined(connection) as pgconn:
        try:
            post(pgconn)
        finally:
            pgconn.pipeline_sync()
            # A connection that sends statements of its own first does so in its own ``wait``.
            results = psycopg.Connection.wait(connection, _results(pgconn))
    return results


@contextmanager
def pipelined(connection: psycopg.Connection[Any]) -> Iterator[PGconn]:
    """Let what is sent meanwhile not wait for results."""
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    try:
        yield pgconn
    finally:
        # After an interrupt there may be no way out; the next statement will say so.
        with suppress(psycopg.OperationalError):
            pgconn.exit_pipeline_mode()


def _results(pgconn: PGconn) -> Waits[list[PGresult]]:
    results: list[PGresult] = []
    while True:
        try:
            result = yield from next_result(pgconn)
        except psycopg.OperationalError:
            if results and results[-1].status == ExecStatus.FATAL_ERROR:
                return results  # The server has said why it left.
            raise
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        if result.status != ExecStatus.PIPELINE_ABORTED:
            results.append(result)


def next_result(
    pgconn: PGconn, *, rows: bool = True, idle: Callable[[], None] | None = None
) -> Waits[PGresult]:
    """Read the result of one statement, or of a sync.

    Raises psycopg.OperationalError if the connection is lost.

    Args:
        rows: whether rows are kept; there may be more of them than there is memory.
        idle: is called whenever nothing came for as long as ``wait`` waits.
    """
    last = None
    if not rows:
        with suppress(psycopg.OperationalError):  # It is a sync that comes next.
            pgconn.set_single_row_mode()
    while True:
        while pgconn.is_busy():
            yield from _input(pgconn, idle)
        result = pgconn.get_result()
        if result is None:
            # In a pipeline libpq returns NULL behind the results of each statement.
            if last:
                return last
            if pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return result
        elif _copied(pgconn, result):
            last = result
        else:
            yield from _input(pgconn, idle)


def _input(pgconn: PGconn, idle: Callable[[], None] | None) -> Waits[None]:
    """Wait as psycopg does: Ctrl-C works, and listeners are told."""
    # Send and read in turns: a server that cannot send its results stops reading.
    ready = yield Wait.RW if pgconn.flush() else Wait.R
    if idle and ready == Ready.NONE:
        idle()
    pgconn.consume_input()
    while notify := pgconn.notifies():
        if pgconn.notify_handler:
            pgconn.notify_handler(notify)


def _copied(pgconn: PGconn, result: PGresult) -> bool:
    """End a copy; False if it must wait, and libpq will return the same result once more.

    Nothing is sent to ``copy … from stdin``, as the Supabase CLI sends nothing; what
    ``copy … to stdout`` sends is read and forgotten.
    """
    if result.status == ExecStatus.COPY_IN:
        return pgconn.put_copy_end() > 0
    length = 1 if result.status == ExecStatus.COPY_OUT else -1
    while length > 0:
        length = pgconn.get_copy_data(1)[0]
    return length < 0
