"""A survey of the monitoring in every state: made once a process, judged by many checks.

Everything happens in one database, in transactions that are taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from psycopg import Error

from ...model.finding import NotJudged
from ...postgres.savepoint import answers
from ...runner.check import Subject
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context
from ..maintenance import capabilities
from ..maintenance.monitoring import Monitoring
from .call import Answer, Row, ask, asking, rows_in, rows_of, rows_query
from .faults import Fault, faults
from .populated import PopulatedDatabase

# What only reads, and what is asked once a record is written.
READING = ("ghosts", "orphans", "stats", "check")
_USERS = "select u.id::text as id from auth.users as u"
_NONE = "select null as id where false"
_NOW = "select now() as now, set_config('statement_timeout', '10s', true)"


@dataclass(frozen=True)
class SurveyedState:
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
class _SurveyCache:
    """What this process has seen."""

    subject: Subject
    seen: list[SurveyedState] = field(default_factory=list)

    def close(self) -> None:
        """Nothing is open."""


def survey(context: CheckContext) -> list[SurveyedState]:
    """Return what was said in every state.

    Raises:
        NotApplicable: there is no monitoring.
        NotJudged: not one state can be made.
    """
    monitoring = capabilities.monitoring(context)
    known = context.shared(_SurveyCache)
    if not known.seen:
        populated = PopulatedDatabase(reused_context(context))
        known.seen = [
            seen
            for fault in faults(populated, monitoring.ghosts)
            if (seen := _seen(populated, monitoring, fault))
        ]
    if not known.seen:
        raise NotJudged("the check can create no broken state of the sync here")
    return known.seen


def _seen(
    populated: PopulatedDatabase, monitoring: Monitoring, fault: Fault
) -> SurveyedState | None:
    """Return what is said in one state, or None where the state cannot be made."""
    if not fault.failing:
        try:
            return _at_once(populated, monitoring, fault)
        except Error:
            pass  # Who failed, and what the others say, is found one by one.
    return _one_by_one(populated, monitoring, fault)


def _one_by_one(
    populated: PopulatedDatabase, monitoring: Monitoring, fault: Fault
) -> SurveyedState | None:
    context = populated.context
    session = context.session()
    with session.transaction(force_rollback=True):
        try:
            (*_, users, keys, now) = answers(session.execute(_state(populated, fault).encode()))
        except Error:
            return None
        if not fault.failing and not _came_about(fault, users, keys):
            return None
        return SurveyedState(fault, dict(_answers(context, monitoring)), now[0]["now"])


def _state(populated: PopulatedDatabase, fault: Fault) -> str:
    """Return the script that brings a state about, and then asks who is there, and the time."""
    return f"{fault.sql}{_USERS}; {_NONE if fault.failing else populated.keyed}; {_NOW}"


def _came_about(fault: Fault, users: Sequence[Row], keys: Sequence[Row]) -> bool:
    facts = fault.facts
    return {row["id"] for row in users} == set(facts.users) and {
        row["id"] for row in keys
    } == facts.profiles


def _at_once(
    populated: PopulatedDatabase, monitoring: Monitoring, fault: Fault
) -> SurveyedState | None:
    """Bring a state about and ask everything in one round trip: that is what the asking costs.

    Raises:
        psycopg.Error: something failed.
    """
    context = populated.context
    words = [word for word in READING if getattr(monitoring, word)]
    texts = [_state(populated, fault), *(asking(context, getattr(monitoring, o)) for o in words)]
    log = rows_query(monitoring.log)
    if monitoring.record:
        recording = asking(context, monitoring.record, keep=True)
        texts += [log, recording, log] if monitoring.log else [recording]
        words += ["before", "record", "log"] if monitoring.log else ["record"]
        later = ("latest", "history") if monitoring.log else ()
        words += (more := [word for word in later if getattr(monitoring, word)])
        texts += [asking(context, getattr(monitoring, word)) for word in more]
    session = context.session()
    with session.transaction(force_rollback=True):
        found = answers(session.execute("; ".join(texts).encode()))
    users, keys, now = found[-len(words) - 3 : len(found) - len(words)]
    if not _came_about(fault, users, keys):
        return None
    said = dict(zip(words, found[len(found) - len(words) :], strict=True))
    was = {row["usersync_place"] for row in said.pop("before", [])}
    new = [row for row in said.get("log", []) if row.pop("usersync_place") not in was]
    given = {word: Answer(rows_in(tuple(rows))) for word, rows in said.items()}
    if "log" in said:
        given["log"] = Answer(tuple(new))
    return SurveyedState(fault, given, now[0]["now"])


def _answers(context: CheckContext, monitoring: Monitoring) -> Iterator[tuple[str, Answer]]:
    for word in READING:
        if source := getattr(monitoring, word):
            yield word, ask(context, source)
    if not monitoring.record:
        return
    before = rows_of(context, monitoring.log)
    recorded = ask(context, monitoring.record, keep=True)
    yield "record", recorded
    if recorded.failure is None and monitoring.log:
        after = rows_of(context, monitoring.log)
        yield "log", Answer(tuple(row for at, row in after.items() if at not in before))
        for word in ("latest", "history"):
            if source := getattr(monitoring, word):
                yield word, ask(context, source)


def possible_states(context: CheckContext) -> set[str]:
    """Return the names of the states that can be made in this project."""
    return {seen.fault.name for seen in survey(context)}
