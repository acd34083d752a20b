"""Apply a file in one transaction, and observe the database after each statement.

A flush instead of a sync lets PostgreSQL answer each statement while the transaction, which is that
of the whole file, stays open. Between two statements the file's own session can be asked something,
and other sessions can act.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from psycopg import OperationalError
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from ..postgres import statement_timeout
from ..postgres.database import Connection
from . import batch
from .applier import Applier
from .model import Migration
from .pipeline import Query, Refusal, answers, lost, overrun, pipelined, refusal_of, send
from .split import Statement

# A row as text; "" stands for null, too.
Row: TypeAlias = tuple[str, ...]

# Seconds without an answer until ``waiting`` is called, at first and at most.
_FIRST = 0.001
_LAST = 0.05


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a file.

    Args:
        statements: those that were applied.
        answers: what the question returned behind each of them.
        whole: whether nothing was left out but roles that are there already.
    """

    statements: tuple[Statement, ...]
    answers: tuple[Row, ...]
    whole: bool


def _ignore(*_: object) -> None:
    """Do nothing between two statements."""


@dataclass(frozen=True, slots=True)
class StatementObserver:
    """What happens while a file is applied.

    Args:
        question: a query for the file's own transaction, sent behind each statement; "" for none.
        between: is called before each statement and before the commit, with the number of
            statements that are done; it may act in other sessions.
        waiting: is called again and again while PostgreSQL does not answer: the statement may wait
            for a lock.
    """

    question: str = ""
    between: Callable[[int], object] = _ignore
    waiting: Callable[[], object] = _ignore


def apply_observed(
    applier: Applier,
    migration: Migration,
    statements: Sequence[Statement],
    observer: StatementObserver,
    *,
    tries: int = 4,
) -> Observation | None:
    """Apply statements of a file as one transaction; return what was seen, or None if refused.

    Args:
        tries: how often the file is sent: a statement that is refused the second time, such as
            ``create role``, is left out.
    """
    session, left, whole = applier.session, list(statements), True
    for _ in range(tries):
        session.connection.execute("reset all")
        queries, record = batch.queries(left), batch.record(applier.project, migration, left)
        refusal, answers = _run(session.connection, queries, record, observer)
        if refusal is None:
            return Observation(tuple(left), tuple(answers), whole)
        session.roll_back()
        if refusal.index >= len(left):
            break
        left.pop(refusal.index)
        # Roles are the server's, and were made when the project was loaded.
        whole = whole and refusal.sqlstate == "42710" and "role " in refusal.message
    return None


def _run(
    connection: Connection,
    statements: Sequence[Query],
    record: Sequence[Query],
    observer: StatementObserver,
) -> tuple[Refusal | None, list[Row]]:
    """Run statements, and behind them the insert of the history row, as one transaction.

    Returns:
        Why it stopped, if it did, and the answers. The index of the history row, and of the
        commit, is that of no statement.
    """
    rows: list[Row] = []
    index, refusal = 0, None
    with pipelined(connection) as pgconn:
        moment = statement_timeout.mark()
        results = answers(pgconn, 1, _poll(observer.waiting))
        try:
            for index, query in enumerate(statements):
                observer.between(index)
                refusal, answer = _ask(pgconn, results, index, query, observer.question)
                if refusal:
                    break
                rows.append(answer)
            else:
                index = len(statements)
                observer.between(index)
                for query in record:
                    send(pgconn, query)
            pgconn.pipeline_sync()
            late, _ = _read(results, index, to_end=True)
        except OperationalError as error:
            late = lost(index, error, overrun(pgconn.backend_pid, moment))
    return refusal or late, rows


def _ask(
    pgconn: PGconn, results: Iterator[PGresult | None], index: int, query: Query, question: str
) -> tuple[Refusal | None, Row]:
    """Run a statement, and the question behind it."""
    send(pgconn, query)
    if question:
        send(pgconn, Query(question))
    pgconn.send_flush_request()
    refusal, last = _read(results, index)
    if question and not refusal:
        refusal, last = _read(results, index)
    return refusal, _row(last) if question and last else ()


def _read(
    results: Iterator[PGresult | None], index: int, *, to_end: bool = False
) -> tuple[Refusal | None, PGresult | None]:
    """Read to the end of one statement, or of all; return its error, and its last row."""
    refusal = last = None
    for result in results:
        if result is None:
            if to_end:
                continue
            break
        if result.status == ExecStatus.FATAL_ERROR:
            refusal = refusal or refusal_of(index, result, "")
        elif result.ntuples:
            last = result
    return refusal, last


def _row(result: PGresult) -> Row:
    fields = (result.get_value(0, number) for number in range(result.nfields))
    return tuple((field or b"").decode(errors="replace") for field in fields)


def _poll(waiting: Callable[[], object]) -> Callable[[selectors.BaseSelector], None]:
    """Return what waits for an answer, and calls ``waiting`` meanwhile, ever more rarely."""

    def wait(selector: selectors.BaseSelector) -> None:
        pause = _FIRST
        while not selector.select(pause):
            waiting()
            pause = min(2 * pause, _LAST)

    return wait
