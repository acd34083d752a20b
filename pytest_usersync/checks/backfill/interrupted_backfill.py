"""US409: a backfill that was killed cannot be completed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from ...model.finding import Finding, Level
from ...model.quoting import named, quoted
from ...probes import cause_keys
from ...probes.backfill.interrupted import killed
from ...probes.backfill.run_backfill import BackfillRun, BackfillSandbox, backfill_sandbox
from ...runner.check import check
from ...runner.context import CheckContext

GHOSTS = 6


@check(
    "US409",
    level=Level.ERROR,
    symptom="Backfill: it does not recover from an interruption",
    cause=cause_keys.BACKFILL,
)
def interrupted_backfill(context: CheckContext) -> Iterable[Finding]:
    """After a backfill is killed halfway, a second run completes it.

    A deployment, a timeout or a server restart interrupts a long run. A backfill that records
    "running" and refuses to run twice is blocked by the row of the dead run. A backfill that saves
    its position before the work is done skips users.

    The check ends the backfill's session at its first row, and again in the middle of its rows.
    Then it runs the backfill again. Every ghost user must have exactly one profile.
    """
    one = backfill_sandbox(context)
    for after in (GHOSTS // 2, 0):
        users = one.make_ghosts(GHOSTS)
        killed(one.context, one.routine, after)
        ran = one.fill()
        left = set(ran.left).intersection(users)
        if left or _twice(one, users):
            yield _finding(one, users, after, len(left), ran)
            return


def _twice(one: BackfillSandbox, users: Sequence[UUID]) -> bool:
    """Tell whether some of the users have more than one profile."""
    profile = one.context.sync.profile
    key = f"{quoted(profile.key)}::text"
    query = f"select {key} from {named(profile.table)} where {key} = any (%s) group by 1"
    return bool(one.context.query(f"{query} having count(*) > 1", [list(map(str, users))]))


def _finding(
    one: BackfillSandbox, users: Sequence[UUID], after: int, left: int, ran: BackfillRun
) -> Finding:
    place = "in the middle of its rows" if after else "at its first row"
    what = f"leaves {left} of {GHOSTS} ghost users" if left else "writes some profiles twice"
    why = f": {ran.failure.message}" if ran.failure else ""
    profile = one.context.sync.profile
    key = quoted(profile.key)
    twice = f"select {key}, count(*) from {named(profile.table)} group by 1 having count(*) > 1;\n"
    end = "-- end its session while it runs, with pg_terminate_backend, and run it again:\n"
    return one.finding(
        f"{one.routine.origin}, killed {place} and run again, {what}{why}",
        one.shown(users, end + one.call + (one.query if left else twice)),
        REMEDY,
        ran.failure,
    )


REMEDY = """\
-- use a lock that ends with the session, instead of a row that says "running":
if not pg_try_advisory_lock(hashtext('backfill')) then
    return;
end if;
-- and fill every user without a row, instead of users after a saved position:
where not exists (select … where t.id = u.id)"""
