"""What a project's monitoring says in every state: asked once in a process, judged by many checks.

Everything happens in one database, in transactions that are taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from psycopg import Error, sql

from .. import platform
from ..check import Subject
from ..chores import chores
from ..chores.monitored import Monitoring
from ..database import Connection
from ..finding import Failure, NotJudged
from ..trials.trial import Trial
from .faults import Fault, faults
from .ground import Ground

Row = Mapping[str, object]
# What only reads, and what is asked once a record is written.
READING = ("ghosts", "orphans", "stats", "check")
_NOW = "select now() as now, set_config('statement_timeout', '10s', true)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one function said: rows, or why it failed."""

    rows: tuple[Row, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class Seen:
    """One state, and what each function said in it.

    Args:
        said: by the word for the function; ``log`` are the rows that recording added.
        now: what the clock of the database showed.
    """

    fault: Fault
    said: Mapping[str, Answer]
    now: datetime

    def rows(self, word: str) -> Sequence[Row]:
        """Return the rows of one answer, none if there is no such function or it failed."""
        return self.said[word].rows if word in self.said else ()

    def answered(self, word: str) -> bool:
        """Tell whether there is such a function, and it returned."""
        return word in self.said and self.said[word].failure is None

    @cached_property
    def told_ghosts(self) -> int | None:
        """Return how many ghosts the project's own list has."""
        return self._listed("ghosts")

    @cached_property
    def told_orphans(self) -> int | None:
        """Return how many orphans the project's own list has."""
        return self._listed("orphans")

    @cached_property
    def told_works(self) -> bool | None:
        """Return what the quality check says of the trigger."""
        return next(
            (
                bool(r["passed"])
                for r in self.rows("check")
                if "trigger" in str(r.get("check_name"))
            ),
            None,
        )

    def metric(self, name: str) -> int | None:
        """Return a metric of the project's own count."""
        found = (row.get("value") for row in self.rows("stats") if row.get("metric") == name)
        return next((value for value in found if isinstance(value, int)), None)

    def _listed(self, word: str) -> int | None:
        if not self.answered(word):
            return None
        number = scalar(self.rows(word))
        return len(self.rows(word)) if number is None else number


def scalar(rows: Sequence[Row]) -> int | None:
    """Return the number that is all that was said, if it is."""
    values = list(rows[0].values()) if len(rows) == 1 else []
    return values[0] if len(values) == 1 and isinstance(values[0], int) else None


@dataclass
class _Surveyed:
    """What this process has seen."""

    subject: Subject
    seen: list[Seen] = field(default_factory=list)
    role: str = ""

    def close(self) -> None:
        """Nothing is open."""


def survey(trial: Trial) -> list[Seen]:
    """Return what was said in every state.

    Raises:
        NotApplicable: there is no monitoring.
        NotJudged: not one state can be made.
    """
    monitoring = chores.monitoring(trial)
    known = trial.common(_Surveyed)
    if not known.seen:
        aside = trial.aside()
        ground = Ground(aside)
        known.seen = [
            seen
            for fault in faults(ground, monitoring.ghosts)
            if (seen := _seen(ground, monitoring, fault))
        ]
    if not known.seen:
        raise NotJudged("no state of the sync can be made here")
    return known.seen


def _seen(ground: Ground, monitoring: Monitoring, fault: Fault) -> Seen | None:
    """Return what is said in one state, or None where the state cannot be made."""
    trial = ground.trial
    session = trial.session()
    with session.transaction(force_rollback=True):
        if not _came_about(ground, fault):
            return None
        (now,) = session.execute(_NOW).fetchall()
        return Seen(fault, dict(_answers(trial, monitoring)), now["now"])


def _came_about(ground: Ground, fault: Fault) -> bool:
    """Bring a state about in the open transaction, and tell whether it did come."""
    try:
        ground.trial.session().execute(fault.sql.encode())
    except Error:
        return False
    users, keys = set(fault.facts.users), fault.facts.profiles
    return fault.failing or (ground.users() == users and ground.keys() == keys)


def _answers(trial: Trial, monitoring: Monitoring) -> Iterator[tuple[str, Answer]]:
    for word in READING:
        if source := getattr(monitoring, word):
            yield word, ask(trial, source)
    if not monitoring.record:
        return
    before = rows_of(trial, monitoring.log)
    recorded = ask(trial, monitoring.record, keep=True)
    yield "record", recorded
    if recorded.failure is None and monitoring.log:
        after = rows_of(trial, monitoring.log)
        yield "log", Answer(tuple(row for at, row in after.items() if at not in before))
        for word in ("latest", "history"):
            if source := getattr(monitoring, word):
                yield word, ask(trial, source)


def ask(trial: Trial, source: str, *, keep: bool = False) -> Answer:
    """Call a function as the role that migrations run as, inside of what the trial has begun.

    Args:
        keep: whether what it writes stays.
    """
    session = trial.session()
    known = trial.common(_Surveyed)
    known.role = known.role or platform.migration_role(trial.subject.server)
    role = sql.Identifier(known.role).as_string(None)
    # All in two round trips: this is what the asking costs.
    try:
        cursor = session.execute(
            f"savepoint asked; set local role {role}; select * from {source}".encode()
        )
        while cursor.nextset():
            pass
        found = tuple(cursor.fetchall()) if cursor.description else ()
    except Error as error:
        failure = trial.failure(error)
        session.execute("rollback to savepoint asked; release savepoint asked")
        return Answer(failure=failure)
    end = "set local role none" if keep else "rollback to savepoint asked"
    session.execute(f"{end}; release savepoint asked".encode())
    return Answer(_rows(found))


def _rows(found: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows of an answer; one that is a JSON array has them inside."""
    values = list(found[0].values()) if len(found) == 1 else []
    if len(values) == 1 and (values[0] is None or isinstance(values[0], list)):
        return tuple(row for row in values[0] or () if isinstance(row, dict))
    return found


def made(trial: Trial) -> set[str]:
    """Return the names of the states that can be made in this project."""
    return {seen.fault.name for seen in survey(trial)}


def take(connection: Connection, role: str) -> None:
    """Let the rest of the transaction act as a role."""
    connection.execute("select pg_catalog.set_config('role', %s, true)", [role])


def rows_of(trial: Trial, log: str) -> dict[str, Row]:
    """Return the rows of a table by where each one stands."""
    if not log:
        return {}
    found = trial.query(f"select t.ctid::text as usersync_place, t.* from {log} as t")
    return {str(row.pop("usersync_place")): row for row in found}


def bare(source: str) -> str:
    """Return a function's call without what stands in its parentheses."""
    return re.sub(r"\(.*\)", "()", source)
