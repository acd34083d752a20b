"""US307: the monitoring takes a signup for a fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ...interleaving import Outcome
from ...model.finding import Finding, Level, NotApplicable, NotJudged, Severity
from ...model.quoting import named
from ...platform.platform import migration_role
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.maintenance.monitoring import NAMES
from ...probes.races.signup_race import SignupRace
from ...runner.check import Needs, check
from ...runner.context import CheckContext

Answer: TypeAlias = "list[tuple[str, ...]]"
# More steps than anybody takes.
_ALL = 60
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d(?::?\d\d)?)?")


@check(
    "US307",
    level=Level.ERROR,
    severity=Severity.MAINTENANCE,
    symptom="Monitoring: its answer is wrong while a user signs up",
    cause=cause_keys.MONITORING,
    needs=Needs.PROFILE,
    cases=("ghosts", "orphans", "stats", "check"),
)
def monitor_race(context: CheckContext) -> Iterable[Finding]:
    """A quality check beside live signups raises no false alarm.

    A function that counts the users and then the profiles counts at two moments. A user who signs
    up in between is counted as a ghost user or an orphaned profile, although the signup was
    correct. At night the result is right; in the busiest hour there is a false alarm. PL/pgSQL
    takes a new snapshot for each statement of a VOLATILE function, and VOLATILE is the default.

    The check stops the function where it begins to read `auth.users` or a profile table, and signs
    up a user. The function may return the state before the signup or after it.

    Declare the function `stable`: then all its statements use the snapshot of the calling
    statement. Or read everything in one statement.
    """
    source = getattr(capabilities.monitoring(context), context.case)
    if not source:
        raise NotApplicable(f"the project has no {NAMES[context.case]}()")
    meeting = SignupRace(context)
    role = migration_role(context.subject.server)
    meeting.sql("monitor", f"asks {source}", f"select * from {source}", role=role)
    meeting.sign_up("ada", context.person(), pauses=False)
    for table in dict.fromkeys(["auth.users", *(named(one.table) for one in context.sync.targets)]):
        meeting.race.pause(table, "select")
    # Whoever comes when it is over changes nothing about what it has told.
    before, again = (meeting.played(["monitor"], only=["monitor"]) for _ in range(2))
    after = meeting.played(["ada"] * _ALL)
    usual = [_answer(one) for one in (before, again, after)]
    for number in range(1, before.schedule.count("monitor")):
        outcome = meeting.played(["monitor"] * number + ["ada"] * _ALL)
        if not _known(_answer(outcome), usual):
            yield meeting.finding(
                outcome,
                f"a user signs up while {source} reads, and it returns a result that was never"
                f" true: {_shown(_answer(outcome), usual)}",
                f"alter function {source} stable;\n-- and every function that it calls",
                place=context.places.routine(source),
            )
            return


def _answer(outcome: Outcome) -> Answer:
    """Return what the monitoring told, without times."""
    told = outcome.seen["monitor"]
    if failed := next((one for one in told if one.failed), None):
        raise NotJudged(f"the monitoring fails (US501): {failed.error}")
    return [tuple(_TIME.sub("", value or "") for value in row) for one in told for row in one.rows]


def _known(answer: Answer, usual: Sequence[Answer]) -> bool:
    """Tell whether it was told before or after the signup, but for what is never the same."""
    before, again, after = usual
    return any(_same(answer, one, before, again) for one in (before, after))


def _same(answer: Answer, other: Answer, before: Answer, again: Answer) -> bool:
    if len(answer) != len(other):
        return False
    steady = [
        [one == two for one, two in zip(row, twin, strict=True)]
        for row, twin in zip(before, again, strict=False)
    ]
    return all(
        one == two or (row < len(steady) and not steady[row][cell])
        for row, (mine, theirs) in enumerate(zip(answer, other, strict=True))
        for cell, (one, two) in enumerate(zip(mine, theirs, strict=True))
    )


def _shown(answer: Answer, usual: Sequence[Answer]) -> str:
    """Return the first row that it told neither before nor after."""
    row = next((one for one in answer if one not in usual[0] and one not in usual[2]), ())
    return ", ".join(filter(None, row)) or "nothing"
