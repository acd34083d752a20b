"""Apply a file in one transaction, and observe the database after each statement.

A flush instead of a sync lets PostgreSQL answer each statement while the transaction, which is that
of the whole file, stays open. Between two statements the file's own session can be asked something,
and other sessions can act.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from psycopg import OperationalError
from psycopg.pq.abc import PGconn, PGresult

from ..postgres.database import Connection
from ..postgres.pipeline import Query, pipelined, query
from . import batch
from .applier import Applier
from .model import Migration
from .pipeline import Refusal, Results
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
    results = Results(connection)
    question = query(observer.question) if observer.question else None
    with pipelined(connection) as pgconn:
        for index, one in enumerate(statements):
            observer.between(index)
            _send(pgconn, one, *([question] if question else []))
            results.read(_rarely(observer.waiting))
            answer = question and results.read(_rarely(observer.waiting), rows=True)
            if results.refused:
                break
            rows.append(_row(answer) if answer and answer.ntuples else ())
        else:
            index = len(statements)
            observer.between(index)
            _send(pgconn, *record)
        # A statement may have ended its own session; the results below say so.
        with suppress(OperationalError):
            pgconn.pipeline_sync()
        refused = results.to_sync(idle=_rarely(observer.waiting))
    return (replace(refused[0], index=index) if refused else None), rows


def _send(pgconn: PGconn, *queries: Query) -> None:
    """Send queries, and let PostgreSQL answer before the transaction is at its end."""
    with suppress(OperationalError):  # Then there is no result to read.
        for one in queries:
            one.send(pgconn)
        pgconn.send_flush_request()


def _row(result: PGresult) -> Row:
    """Return the last row."""
    fields = (result.get_value(result.ntuples - 1, number) for number in range(result.nfields))
    return tuple((field or b"").decode(errors="replace") for field in fields)


def _rarely(act: Callable[[], object]) -> Callable[[], None]:
    """Return what does something when it is called, but less and less often."""
    done, pause = time.monotonic(), _FIRST

    def call() -> None:
        nonlocal done, pause
        if time.monotonic() - done >= pause:
            act()
            done, pause = time.monotonic(), min(2 * pause, _LAST)

    return call
