"""Send a batch of statements as one pipeline, with a single sync as the Supabase CLI does.

Unless a statement begins or ends one itself, PostgreSQL makes that one transaction. With a sync
behind each, every statement is a transaction, as in psql, and none waits for an answer.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

from psycopg import OperationalError
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from ..postgres import statement_timeout
from ..postgres.database import Connection

# Returns when the server may have answered; raises nothing.
Wait: TypeAlias = "Callable[[selectors.BaseSelector], object]"


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
        overrun: what is to be said of a statement that was ended because it took too long.
    """

    index: int
    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    context: str = ""
    position: int = 0
    internal: str = ""
    overrun: str = ""


def run(connection: Connection, batch: Sequence[Query]) -> Refusal | None:
    """Run a batch and return why it stopped, or None if all of it was done.

    Afterwards the connection may be broken, as by a ``copy … from stdin``.
    """
    with pipelined(connection) as pgconn:
        for query in batch:
            send(pgconn, query)
        pgconn.pipeline_sync()
        return next(_refusals(pgconn, syncs=1), None)


def run_each(connection: Connection, batch: Sequence[Query]) -> list[Refusal]:
    """Run every statement of a batch as psql would, whatever became of those before it.

    If the connection breaks, the last refusal is that of the statement that broke it.
    """
    with pipelined(connection) as pgconn:
        for query in batch:
            send(pgconn, query)
            pgconn.pipeline_sync()
        return list(_refusals(pgconn, syncs=len(batch)))


def prepare(connection: Connection, batch: Sequence[Query]) -> Refusal | None:
    """Let PostgreSQL parse and analyse every statement of a batch, without running any."""
    with pipelined(connection) as pgconn:
        for query in batch:
            pgconn.send_prepare(b"", encoded(query.text))
        pgconn.pipeline_sync()
        return next(_refusals(pgconn, syncs=1), None)


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


def _refusals(pgconn: PGconn, *, syncs: int) -> Iterator[Refusal]:
    """Read to the last sync, so that the connection can be used again; then yield the errors."""
    refused: list[Refusal] = []
    index = 0
    moment = statement_timeout.mark()
    pid = pgconn.backend_pid
    try:
        for result in answers(pgconn, syncs):
            if result is None:
                index += 1
            elif result.status == ExecStatus.FATAL_ERROR:
                refused.append(refusal_of(index, result, overrun(pid, moment)))
                moment = statement_timeout.mark()
    except OperationalError as error:
        if not refused or refused[-1].index != index:
            refused.append(lost(index, error, overrun(pid, moment)))
    yield from refused


def overrun(pid: int, moment: int) -> str:
    """Return what is to be said of a backend whose statement took too long after a moment."""
    found = statement_timeout.of_backend(pid, moment)
    return found.message if found else ""


def lost(index: int, error: OperationalError, overrun: str) -> Refusal:
    """Return that the connection broke at the statement at this place."""
    return Refusal(index, "08006", str(error).strip(), overrun=overrun)


def answers(
    pgconn: PGconn, syncs: int, wait: Wait = lambda selector: selector.select()
) -> Iterator[PGresult | None]:
    """Yield the results up to the last sync, with None behind those of each statement."""
    pending = False
    with selectors.DefaultSelector() as selector:
        selector.register(pgconn.socket, selectors.EVENT_READ)
        _row_by_row(pgconn)
        while True:
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    _row_by_row(pgconn)
                if result is None and not pending:
                    break
                pending = result is not None
                if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                    syncs, pending = syncs - 1, False
                    if not syncs:
                        return
                    continue
                if result is not None and not _copied(pgconn, result):
                    break
                yield result
            # Send and read in turns: a server that cannot get rid of its answers stops reading.
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if pgconn.flush() else 0)
            selector.modify(pgconn.socket, events)
            wait(selector)
            pgconn.consume_input()


def _row_by_row(pgconn: PGconn) -> None:
    """Keep no rows of the next statement, of which there may be more than there is memory."""
    with suppress(OperationalError):  # It is a sync that comes next, or nothing.
        pgconn.set_single_row_mode()


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


def refusal_of(index: int, result: PGresult, overrun: str) -> Refusal:
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
        overrun=overrun,
    )
