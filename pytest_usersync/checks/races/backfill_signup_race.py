"""US304: somebody signs up while the backfill runs."""

from __future__ import annotations

from collections.abc import Iterable

from ...interleaving import Outcome
from ...model.finding import Finding, Level
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...probes.races.aftermath import errors, left
from ...probes.races.backfill_race import backfill, expect_filled, ghost
from ...probes.races.signup_race import Meeting
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check("US304", level=Level.ERROR, needs=Needs.PROFILE)
def backfill_signup_race(context: CheckContext) -> Iterable[Finding]:
    """Backfill beside live signups loses nobody, duplicates nobody, fails nobody.

    A backfill that first finds out who lacks a profile, or which number comes next, and then
    writes, writes what was true a moment ago. Whoever signs up meanwhile has the profile already,
    or the number: then the backfill fails, all of it, or the signup does.

    A ghost is there, the backfill is stopped wherever it is about to write, and somebody signs up;
    and the other way round.

    Let one statement find and fill, `insert into … select … from auth.users … on conflict (id) do
    nothing`. Numbers and names come from where the trigger takes them, and are taken as it does.
    """
    meeting = Meeting(context)
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
            who = {"": "users have no profile, or two", "ada": "the signup fails"}
            yield meeting.finding(
                outcome,
                f"somebody signs up while {routine.origin} runs, and"
                f" {who.get(failed, 'the backfill fails')}",
                f"-- end each insert of {routine.origin} into {named(profile.table)} with:\n"
                f"on conflict ({quoted(profile.key)}) do nothing\n"
                "-- and take numbers and names as the trigger does, in the statement that inserts",
                of=failed,
            )
            return


def _counted(outcome: Outcome, table: Table) -> Iterable[int]:
    """Yield how many more rows a table has."""
    changes = [one for one in outcome.changes if one.table == str(table)]
    yield sum((one.was is None) - (one.now is None) for one in changes)
