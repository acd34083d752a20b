"""The parts of a race, and the outcome of a schedule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import psycopg

from ..auth import Json, SupabaseAuth
from ..auth.channel import Sent
from ..postgres.database import Connection

Row: TypeAlias = "Mapping[str, Json]"
# One statement, with its parameters, or code that is given the session's connection.
Step: TypeAlias = "str | tuple[str, Sequence[object]] | Callable[[Any], object]"
Invariant: TypeAlias = "Callable[[Connection], object]"
I = TypeVar("I", bound=Invariant)  # noqa: E741

CUTS = ("statements", "commits", "calls")
ISOLATIONS = ("read committed", "repeatable read", "serializable")
_TIMEOUT = re.compile(r"\b(?:lock|statement)_timeout\b", re.IGNORECASE)
# An app may try again after one of these, because nothing of the transaction remains:
# serialization failure, deadlock, lock timeout, cancelled statement.
RETRYABLE = frozenset({"40001", "40P01", "55P03", "57014"})


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who does something while others do.

    Args:
        name: how schedules and traces call it.
        steps: what it does; code is cut before each statement that it sends.
        role: as whom it is logged in, or asks PostgREST.
        claims: what its token says, as JSON; None when it does not come by PostgREST.
        isolation: the level of its one transaction; None: each statement commits by itself, and
            code has the level that the database gives it.
        cut: where code is cut into steps: at each of its ``statements``, at its ``commits``, or
            not at all, so that each of its ``calls`` is one step.
        auth: makes of the connection what code is given, for a session of Supabase Auth.
        journal: what that sent in the latest schedule, flow by flow.
        pauses: whether it pauses where the race says.
    """

    name: str
    steps: tuple[Step, ...]
    role: str = "postgres"
    claims: str | None = None
    isolation: str | None = None
    cut: str = "statements"
    auth: Callable[[Connection], SupabaseAuth] | None = None
    journal: list[list[Sent]] = field(default_factory=list, compare=False)
    pauses: bool = True

    @property
    def impatient(self) -> bool:
        """Whether it gives up waiting by itself, so that one has to see it do so."""
        texts = [one if isinstance(one, str) else one[0] for one in self.steps if not callable(one)]
        return any(_TIMEOUT.search(text) for text in texts)


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it was and as it is now, and the session that changed it."""

    table: str
    was: Row | None
    now: Row | None
    session: str = ""


def net(changes: Iterable[Change]) -> list[Change]:
    """Return one change for each row: from what it was at first to what it is at last."""
    found: list[Change] = []
    for one in changes:
        before = next(
            (k for k in found if k.table == one.table and one.was is not None and k.now == one.was),
            None,
        )
        if before is None:
            found.append(one)
            continue
        found.remove(before)
        if before.was is not None or one.now is not None:
            who = " and ".join(dict.fromkeys([*before.session.split(" and "), one.session]))
            found.append(Change(one.table, before.was, one.now, who))
    return found


@dataclass(slots=True)
class StatementResult:
    """What one statement told its session: the rows that it saw, or the error.

    Args:
        origins: of each column of the rows the table and the number in it, 0 where there is none.
        sent: the statement as it was sent, with its parameters.
        table: the table whose constraint refused it, with its schema.
    """

    text: str
    columns: tuple[str, ...] = ()
    origins: tuple[tuple[int, int], ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    count: int = -1
    sqlstate: str = ""
    error: str = ""
    sent: tuple[Any, ...] = ()
    table: str = ""

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return bool(self.sqlstate)


@dataclass(slots=True)
class Event:
    """One move: a session was let go on until it came to its next step, had to wait, or was done.

    Args:
        session: who was let go.
        number: which of its steps this is, from 1.
        label: the statement, or what code was about to do.
        waits: whether it had to wait, and for whom.
        paused: where in a step it paused before this move, and ``paused_at`` where after it.
        told: what was told in this move, to whoever came to move by it.
    """

    session: str
    number: int
    label: str
    waits: bool = False
    waits_for: tuple[str, ...] = ()
    paused: str = ""
    paused_at: str = ""
    told: list[tuple[str, int, StatementResult]] = field(default_factory=list)

    @property
    def moved(self) -> frozenset[str]:
        """Return who came to move: the session itself, and those who had waited for it."""
        return frozenset({self.session, *(name for name, _, _ in self.told)})


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of an error, or the name of what is none of PostgreSQL's."""
    cause = _cause(error)
    return (cause.sqlstate if cause else None) or type(error).__name__


def refusing_table(error: BaseException) -> str:
    """Return the table whose constraint an error speaks of, with its schema; "" if of none."""
    cause = _cause(error)
    if cause is None or not cause.diag.table_name:
        return ""
    return f"{cause.diag.schema_name}.{cause.diag.table_name}"


def _cause(error: BaseException) -> psycopg.Error | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, psycopg.Error):
        cause = cause.__cause__
    return cause
