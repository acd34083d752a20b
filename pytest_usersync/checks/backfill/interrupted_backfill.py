"""US409: a backfill that was killed cannot be completed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from ...model.finding import Finding, Level
from ...model.quoting import named, quoted
from ...probes.backfill.interrupted import killed
from ...probes.backfill.run_backfill import Filling, Ran, filling
from ...runner.check import check
from ...runner.context import CheckContext

GHOSTS = 6


@check("US409", level=Level.ERROR)
def interrupted_backfill(context: CheckContext) -> Iterable[Finding]:
    """A backfill killed half-way leaves a state that a re-run completes.

    A long run is interrupted: by a deployment, a time-out, a server that restarts. Whoever writes
    "running" down and refuses to run twice is locked out by the row of the dead one. Whoever keeps
    the place to go on from, and moves it before the work is done, never comes back.

    Judged by ending its session at its first row, and again in the midst of its rows; then it is
    run again, and every ghost is to have exactly one profile.
    """
    one = filling(context)
    for after in (GHOSTS // 2, 0):
        users = one.make_ghosts(GHOSTS)
        killed(one.context, one.routine, after)
        ran = one.fill()
        left = set(ran.left).intersection(users)
        if left or _twice(one, users):
            yield _finding(one, users, after, len(left), ran)
            return


def _twice(one: Filling, users: Sequence[UUID]) -> bool:
    """Tell whether some of the users have more than one profile."""
    profile = one.context.sync.profile
    key = f"{quoted(profile.key)}::text"
    query = f"select {key} from {named(profile.table)} where {key} = any (%s) group by 1"
    return bool(one.context.query(f"{query} having count(*) > 1", [list(map(str, users))]))


def _finding(one: Filling, users: Sequence[UUID], after: int, left: int, ran: Ran) -> Finding:
    place = "in the midst of its rows" if after else "at its first row"
    what = f"leaves {left} of {GHOSTS} ghosts" if left else "writes some profiles twice"
    why = f": {ran.failure.message}" if ran.failure else ""
    profile = one.context.sync.profile
    key = quoted(profile.key)
    twice = f"select {key}, count(*) from {named(profile.table)} group by 1 having count(*) > 1;\n"
    end = "-- end its session meanwhile, with pg_terminate_backend, and run it again:\n"
    return one.finding(
        f"{one.routine.origin}, killed {place} and run again, {what}{why}",
        one.shown(users, end + one.call + (one.query if left else twice)),
        REMEDY,
        ran.failure,
    )


REMEDY = """\
-- a lock that goes with the session, in place of a row that says who is at work:
if not pg_try_advisory_lock(hashtext('backfill')) then
    return;
end if;
-- and whoever has no row is yet to be filled, whatever a bookmark says:
where not exists (select … where t.id = u.id)"""
