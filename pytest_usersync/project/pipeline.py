"""Send a batch of statements as one pipeline, with a single sync as the Supabase CLI does.

Unless a statement begins or ends one itself, PostgreSQL makes that one transaction. With a sync
behind each, every statement is a transaction, as in psql, and none waits for an answer.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from psycopg import Error, OperationalError
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from ..database import Connection

# Once the time is up: seconds between two cancels, and how many before the connection is cut.
_INSIST = 2.0
_CANCELS = 5


@dataclass(frozen=True, slots=True)
class Query:
    """One statement of a batch; parameters are text, their types are left to PostgreSQL."""

    text: str
    parameters: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a batch stopped.

    Args:
        index: the place in the batch of the statement that failed, from 0.
        position: the character where the error lies, from 1; 0 if PostgreSQL named none.
        internal: the query that ``position`` counts in, if it is not the statement that was sent.
        overtime: whether it was cancelled because its time was up.
    """

    index: int
    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    context: str = ""
    position: int = 0
    internal: str = ""
    overtime: bool = False


def run(connection: Connection, batch: Sequence[Query], limit: float) -> Refusal | None:
    """Run a batch and return why it stopped, or None if all of it was done.

    The session's settings stay as they are: what gives no sign of life for ``limit`` seconds is
    cancelled from outside. Afterwards the connection may be broken, as by a ``copy … from stdin``.
    """
    with pipelined(connection) as pgconn:
        for query in batch:
            send(pgconn, query)
        pgconn.pipeline_sync()
        return next(_refusals(pgconn, Watch(connection, limit), syncs=1), None)


def run_each(connection: Connection, batch: Sequence[Query], limit: float) -> list[Refusal]:
    """Run every statement of a batch as psql would, whatever became of those before it.

    If the connection breaks, the last refusal is that of the statement that broke it.
    """
    with pipelined(connection) as pgconn:
        for query in batch:
            send(pgconn, query)
            pgconn.pipeline_sync()
        return list(_refusals(pgconn, Watch(connection, limit), syncs=len(batch)))


def prepare(connection: Connection, batch: Sequence[Query], limit: float) -> Refusal | None:
    """Let PostgreSQL parse and analyse every statement of a batch, without running any."""
    with pipelined(connection) as pgconn:
        for query in batch:
            pgconn.send_prepare(b"", encoded(query.text))
        pgconn.pipeline_sync()
        return next(_refusals(pgconn, Watch(connection, limit), syncs=1), None)


def encoded(text: str) -> bytes:
    """Return a text as it stood in its file, stray bytes included."""
    return text.encode("utf-8", "surrogateescape")


@contextmanager
def pipelined(connection: Connection) -> Iterator[PGconn]:
    """Let what is sent meanwhile not wait for answers."""
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    yield pgconn
    if pgconn.status == ConnStatus.OK:
        pgconn.exit_pipeline_mode()


def send(pgconn: PGconn, query: Query) -> None:
    """Send a statement and wait for nothing."""
    values = [None if one is None else encoded(one) for one in query.parameters]
    pgconn.send_query_params(encoded(query.text), values)


def _refusals(pgconn: PGconn, watch: Watch, *, syncs: int) -> Iterator[Refusal]:
    """Read to the last sync, so that the connection can be used again; then yield the errors."""
    refused: list[Refusal] = []
    index = 0
    try:
        for result in answers(pgconn, watch, syncs):
            if result is None:
                index += 1
            elif result.status == ExecStatus.FATAL_ERROR:
                refused.append(refusal_of(index, result, overtime=watch.overtime))
    except OperationalError as error:
        if not refused or refused[-1].index != index:
            message = str(error).strip()
            refused.append(Refusal(index, "08006", message, overtime=watch.overtime))
    yield from refused


def answers(pgconn: PGconn, watch: Watch, syncs: int) -> Iterator[PGresult | None]:
    """Yield the results up to the last sync, with None behind those of each statement."""
    pending = False
    with selectors.DefaultSelector() as selector:
        selector.register(pgconn.socket, selectors.EVENT_READ)
        while True:
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None and not pending:
                    break
                pending = result is not None
                if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                    syncs, pending = syncs - 1, False
                    watch.renew()
                    if not syncs:
                        return
                    continue
                if result is not None and not _copied(pgconn, result):
                    break
                yield result
            # Send and read in turns: a server that cannot get rid of its answers stops reading.
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if pgconn.flush() else 0)
            selector.modify(pgconn.socket, events)
            watch.wait(selector)
            pgconn.consume_input()


def _copied(pgconn: PGconn, result: PGresult) -> bool:
    """End a copy; False if it must wait, and libpq will hand out the same result once more.

    Nothing is sent to ``copy … from stdin``, as the CLI sends nothing; what ``copy … to stdout``
    sends is read and forgotten.
    """
    if result.status == ExecStatus.COPY_IN:
        return pgconn.put_copy_end() > 0
    length = 1 if result.status == ExecStatus.COPY_OUT else -1
    while length > 0:
        length = pgconn.get_copy_data(1)[0]
    return length < 0


def refusal_of(index: int, result: PGresult, *, overtime: bool) -> Refusal:
    """Return what an error says of the statement at this place."""

    def word(field: DiagnosticField) -> str:
        return (result.error_field(field) or b"").decode(errors="replace")

    internal = word(DiagnosticField.INTERNAL_QUERY)
    position = word(DiagnosticField.STATEMENT_POSITION) or word(DiagnosticField.INTERNAL_POSITION)
    return Refusal(
        index,
        word(DiagnosticField.SQLSTATE) or "08006",
        word(DiagnosticField.MESSAGE_PRIMARY) or result.get_error_message().strip(),
        detail=word(DiagnosticField.MESSAGE_DETAIL),
        hint=word(DiagnosticField.MESSAGE_HINT),
        context=word(DiagnosticField.CONTEXT),
        position=int(position or 0),
        internal=internal,
        overtime=overtime,
    )


class Watch:
    """Cancel what runs longer than it may, and cut the connection if that does not help."""

    def __init__(self, connection: Connection, limit: float) -> None:
        self.connection = connection
        self.limit = limit
        self.deadline = time.monotonic() + limit
        self.cancels = 0

    @property
    def overtime(self) -> bool:
        """Say whether the time was up before the end."""
        return self.cancels > 0

    def renew(self) -> None:
        """Give the next transaction its time; half of it once one took too long."""
        self.limit /= 2 if self.overtime else 1
        self.deadline = time.monotonic() + self.limit
        self.cancels = 0

    def wait(self, selector: selectors.BaseSelector) -> None:
        """Return when the server answers, or after a cancel; raise when cancels do not help."""
        if selector.select(max(0.0, self.deadline - time.monotonic())):
            if not self.overtime:
                self.deadline = time.monotonic() + self.limit
            return
        self.cancels += 1
        if self.cancels > _CANCELS:
            self.connection.close()
            raise OperationalError("the server does not react to being cancelled")
        self.deadline = time.monotonic() + _INSIST
        with suppress(Error, OSError):
            self.connection.cancel_safe(timeout=_INSIST)
