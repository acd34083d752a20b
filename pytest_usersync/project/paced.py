"""Send a batch as the Supabase CLI does, with time for others between its statements.

A flush instead of a sync lets PostgreSQL answer each statement while the transaction, which is that
of the whole batch, stays open.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator, Sequence

from psycopg import OperationalError
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from ..database import Connection
from .pipeline import Query, Refusal, Watch, answers, pipelined, refusal_of, send

# Seconds without an answer after which it is asked what is waited for, at first and at most.
_FIRST = 0.001
_LAST = 0.05


def run(
    connection: Connection,
    batch: Sequence[Query],
    limit: float,
    *,
    before: Callable[[int], None],
    waits: Callable[[], None],
) -> Refusal | None:
    """Run a batch as one pipeline and return why it stopped, or None if all of it was done.

    Args:
        limit: seconds that may pass without a sign of life before a statement is cancelled.
        before: is called before each statement, with its place, and with the length of the batch
            before what it did is committed.
        waits: is called while there is no answer: the statement may wait for somebody.
    """
    with pipelined(connection) as pgconn:
        watch = _Asking(connection, limit, waits)
        told = answers(pgconn, watch, syncs=1)
        refusal = None
        try:
            for index, query in enumerate(batch):
                before(index)
                send(pgconn, query)
                pgconn.send_flush_request()
                refusal = _refusal(index, told, watch, behind=True)
                if refusal:
                    break
            else:
                before(len(batch))
            pgconn.pipeline_sync()
            late = _refusal(len(batch), told, watch, behind=False)
        except OperationalError as error:
            late = Refusal(len(batch), "08006", str(error).strip(), overtime=watch.overtime)
        return refusal or late


def _refusal(
    index: int, told: Iterator[PGresult | None], watch: Watch, *, behind: bool
) -> Refusal | None:
    """Read to the end of one statement, or of everything, and return the error that came."""
    refused = None
    for result in told:
        if result is None and behind:
            break
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            refused = refused or refusal_of(index, result, overtime=watch.overtime)
    return refused


class _Asking(Watch):
    """Asks what is waited for as long as there is no answer."""

    def __init__(self, connection: Connection, limit: float, waits: Callable[[], None]) -> None:
        super().__init__(connection, limit)
        self._waits = waits

    def wait(self, selector: selectors.BaseSelector) -> None:
        """Return when the server answers; meanwhile ask, at longer and longer intervals."""
        pause = _FIRST
        while not selector.select(pause):
            self._waits()
            pause = min(2 * pause, _LAST)
            if time.monotonic() >= self.deadline:
                break
        super().wait(selector)
