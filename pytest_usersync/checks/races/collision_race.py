"""US302: two users want the same name at the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...interleaving import Outcome
from ...interleaving.model import Row
from ...model.finding import Finding, Level
from ...model.quoting import named, quoted
from ...model.sync import Target, moment
from ...probes.races.aftermath import errors, rows
from ...probes.races.signup_race import SignupRace, new_users
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US302",
    level=Level.ERROR,
    symptom="Signup fails: two users at the same moment",
    needs=Needs.PROFILE,
)
def collision_race(context: CheckContext) -> Iterable[Finding]:
    """Two signups that generate the same value (username, slug, counter) both succeed.

    A function checks whether a username is free, counts the rows, or reads the highest number, and
    then inserts. It sees only committed rows. When two users sign up at the same time, neither sees
    the other, and both insert the same value. If the column is unique, the later signup fails. If
    it is not, two users have the same name or number.

    The check signs up two users at the same time, with the same metadata and with emails that
    differ only after the @. It stops each signup before each write. US108 judges whether they can
    sign up one after the other.

    Let the insert decide: catch unique_violation and try another value, in a loop. For numbers use
    a sequence, or one counter row and `update … set n = n + 1 returning n`. Or take a lock before
    the function reads: `perform pg_advisory_xact_lock(…)`.
    """
    meeting, alone = new_users(context)
    for outcome in meeting.outcomes(alone):
        found = _refused(context, meeting, outcome) or _doubled(context, meeting, outcome, alone)
        if found:
            yield found
            return


def _refused(context: CheckContext, meeting: SignupRace, outcome: Outcome) -> Finding | None:
    for name, _ in errors(outcome):
        table = context.sync.profile.table
        return meeting.finding(
            outcome,
            "when two users sign up at the same time, one signup fails; one after the other, both"
            " succeed",
            _remedy(f"the insert into {named(table)}"),
            of=name,
        )
    return None


def _doubled(
    context: CheckContext, meeting: SignupRace, outcome: Outcome, alone: list[Outcome]
) -> Finding | None:
    for target in context.sync.targets:
        if not all(_ones(one, target) for one in alone):
            continue
        usual = [set(_same(one, target)) for one in alone]
        for column in _same(outcome, target):
            if any(column in one for one in usual):
                continue
            where = f"{target.table}.{column}"
            return meeting.finding(
                outcome,
                f"two users who sign up at the same time get the same {where}; one after the"
                " other, they get different values",
                f"alter table {named(target.table)} add unique ({quoted(column)});\n"
                + _remedy(f"the insert into {named(target.table)}"),
                ending=f"select {quoted(target.key)}, {quoted(column)} from {named(target.table)};",
            )
    return None


def _ones(outcome: Outcome, target: Target) -> tuple[Row, Row] | None:
    """Return the row that each has written last, if there is one of each."""
    ada, bob = (rows(outcome, target, name) for name in ("ada", "bob"))
    return (ada[0], bob[0]) if len(ada) == len(bob) == 1 else None


def _same(outcome: Outcome, target: Target) -> Iterator[str]:
    """Yield the columns in which both have the same; times, and what says yes or no, are none."""
    ada, bob = _ones(outcome, target) or ({}, {})
    for column, value in ada.items():
        text = isinstance(value, str | int) and not isinstance(value, bool)
        if text and moment(value) is None and value == bob.get(column):
            yield column


def _remedy(what: str) -> str:
    return (
        f"-- repeat {what} in a loop:\n"
        "-- begin … exception when unique_violation then take another value … end;\n"
        "-- or take a lock before the function reads, so that signups choose one after the"
        " other:\n"
        "-- perform pg_advisory_xact_lock(hashtext('the value'));"
    )
