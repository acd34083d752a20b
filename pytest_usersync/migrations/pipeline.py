"""Batches of statements that are sent as the Supabase CLI sends a file: with a single sync.

Unless a statement begins or ends one itself, PostgreSQL makes that one transaction. With a sync
behind each, every statement is a transaction, as in psql, and none waits for a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from ..postgres import statement_timeout
from ..postgres.database import Connection
from ..postgres.pipeline import Query, next_result, pipelined

# Seconds after which a wait looks around: for ``idle``, or for Ctrl-C, as psycopg does.
_PAUSE, _LONG_PAUSE = 0.001, 0.1


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
            query.send(pgconn)
        pgconn.pipeline_sync()
        return next(iter(Results(connection).to_sync()), None)


def run_each(connection: Connection, batch: Sequence[Query]) -> list[Refusal]:
    """Run every statement of a batch as psql would, whatever became of those before it.

    If the connection breaks, the last refusal is that of the statement that broke it.
    """
    with pipelined(connection) as pgconn:
        for query in batch:
            query.send(pgconn)
            pgconn.pipeline_sync()
        return Results(connection).to_sync(len(batch))


def prepare(connection: Connection, batch: Sequence[Query]) -> Refusal | None:
    """Let PostgreSQL parse and analyse every statement of a batch, without running any."""
    with pipelined(connection) as pgconn:
        for query in batch:
            pgconn.send_prepare(b"", query.sql)
        pgconn.pipeline_sync()
        return next(iter(Results(connection).to_sync()), None)


class Results:
    """Reads the results of a batch, one after the other, and keeps the errors among them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._index = 0
        self._moment = statement_timeout.mark()
        self.refused: list[Refusal] = []

    def read(
        self, idle: Callable[[], None] | None = None, *, rows: bool = False
    ) -> PGresult | None:
        """Read the result of one statement, or of a sync; None if the connection broke.

        Args:
            idle: is called about once in a millisecond while there is no result.
            rows: whether its rows are kept.
        """
        reading = next_result(self._connection.pgconn, rows=rows, idle=idle)
        try:
            result = self._connection.wait(reading, _PAUSE if idle else _LONG_PAUSE)
        except psycopg.OperationalError as error:
            # The server may have said why it left.
            if not self.refused or not self.refused[-1].sqlstate.startswith("57P"):
                self._refuse(Refusal(self._index, "08006", str(error).strip()))
            return None
        if result.status == ExecStatus.FATAL_ERROR:
            self._refuse(_refusal(self._index, result))
        self._index += result.status != ExecStatus.PIPELINE_SYNC
        return result

    def to_sync(self, syncs: int = 1, idle: Callable[[], None] | None = None) -> list[Refusal]:
        """Read to the last sync, so that the connection can be used again; return the errors."""
        while syncs and (result := self.read(idle)):
            syncs -= result.status == ExecStatus.PIPELINE_SYNC
        return self.refused

    def _refuse(self, refusal: Refusal) -> None:
        """Keep an error, and whether the statement was ended because it took too long."""
        if late := statement_timeout.of_backend(self._connection.pgconn.backend_pid, self._moment):
            refusal = replace(refusal, overrun=late.message)
        self.refused.append(refusal)
        self._moment = statement_timeout.mark()


def _refusal(index: int, result: PGresult) -> Refusal:
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
    )
