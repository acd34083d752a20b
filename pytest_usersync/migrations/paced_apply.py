"""Send a batch as the Supabase CLI does, with time for others between its statements.

A flush instead of a sync lets PostgreSQL answer each statement while the transaction, which is that
of the whole batch, stays open.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator, Sequence

from psycopg import OperationalError
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from ..postgres import statement_timeout
from ..postgres.database import Connection
from .pipeline import Query, Refusal, answers, lost, overrun, pipelined, refusal_of, send

# Seconds without an answer after which it is asked what is waited for, at first and at most.
_FIRST = 0.001
_LAST = 0.05


def run(
    connection: Connection,
    batch: Sequence[Query],
    *,
    before: Callable[[int], None],
    waits: Callable[[], None],
) -> Refusal | None:
    """Run a batch as one pipeline and return why it stopped, or None if all of it was done.

    Args:
        before: is called before each statement, with its place, and with the length of the batch
            before what it did is committed.
        waits: is called while there is no answer: the statement may wait for somebody.
    """
    with pipelined(connection) as pgconn:
        moment = statement_timeout.mark()
        told = answers(pgconn, 1, _asking(waits))
        refusal = None
        try:
            for index, query in enumerate(batch):
                before(index)
                send(pgconn, query)
                pgconn.send_flush_request()
                refusal = _refusal(index, told, behind=True)
                if refusal:
                    break
            else:
                before(len(batch))
            pgconn.pipeline_sync()
            late = _refusal(len(batch), told, behind=False)
        except OperationalError as error:
            late = lost(len(batch), error, overrun(pgconn.backend_pid, moment))
        return refusal or late


def _refusal(index: int, told: Iterator[PGresult | None], *, behind: bool) -> Refusal | None:
    """Read to the end of one statement, or of everything, and return the error that came."""
    refused = None
    for result in told:
        if result is None and behind:
            break
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            refused = refused or refusal_of(index, result, "")
    return refused


def _asking(waits: Callable[[], None]) -> Callable[[selectors.BaseSelector], None]:
    """Return what waits for an answer, and asks meanwhile what is waited for, ever more rarely."""

    def wait(selector: selectors.BaseSelector) -> None:
        pause = _FIRST
        while not selector.select(pause):
            waits()
            pause = min(2 * pause, _LAST)

    return wait
