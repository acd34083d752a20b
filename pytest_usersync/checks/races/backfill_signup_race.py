"""US304: somebody signs up while the backfill runs."""

from __future__ import annotations

from collections.abc import Iterable

from ...interleaving import Outcome
from ...model.finding import Finding, Level, Severity
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...probes import cause_keys
from ...probes.races.aftermath import errors, left
from ...probes.races.backfill_race import backfill, expect_filled, ghost
from ...probes.races.signup_race import SignupRace
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US304",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="Backfill: a user signs up while it runs",
    cause=cause_keys.BACKFILL,
    needs=Needs.PROFILE,
)
def backfill_signup_race(context: CheckContext) -> Iterable[Finding]:
    """A backfill beside live signups gives every user exactly one profile, and nothing fails.

    A backfill that first reads who has no profile, or which number comes next, and then writes,
    uses old data. A user who signs up in between already has the profile, or the number. Then the
    whole backfill fails, or the signup fails.

    The check creates a ghost user, stops the backfill before each write, and signs up a user; then
    it does the reverse.

    Find and fill in one statement: `insert into … select … from auth.users … on conflict (id) do
    nothing`. Generate numbers and names in the same way as the trigger.
    """
    meeting = SignupRace(context)
    routine = backfill(context, meeting, "backfill")
    lost = ghost(context, meeting)
    meeting.sign_up("ada", context.person())
    alone = meeting.alone()
    expect_filled(context, alone, [lost])
    profile = context.sync.profile
    usual = {one for outcome in alone for one in _counted(outcome, profile.table)}
    for outcome in meeting.outcomes(alone):
        failed = next((name for name, _ in errors(outcome)), "")
        wrong = left(outcome, profile, lost.id) != 1 or not usual.issuperset(
            _counted(outcome, profile.table)
        )
        if failed or (wrong and not outcome.errors):
            who = {"": "a user has no profile, or two profiles", "ada": "the signup fails"}
            yield meeting.finding(
                outcome,
                f"a user signs up while {routine.origin} runs, and"
                f" {who.get(failed, 'the backfill fails')}",
                f"-- end each insert of {routine.origin} into {named(profile.table)} with:\n"
                f"on conflict ({quoted(profile.key)}) do nothing\n"
                "-- and generate numbers and names as the trigger does, in the inserting"
                " statement",
                of=failed,
            )
            return


def _counted(outcome: Outcome, table: Table) -> Iterable[int]:
    """Yield how many more rows a table has."""
    changes = [one for one in outcome.changes if one.table == str(table)]
    yield sum((one.was is None) - (one.now is None) for one in changes)
