"""US408: nobody can sign up while the backfill is at work."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes.backfill.interrupted import paused, unfinished, waits
from ...probes.backfill.run_backfill import Filling, filling
from ...probes.maintenance import ghosts
from ...runner.check import check
from ...runner.context import CheckContext

CROWD = 1050


@check("US408", level=Level.ERROR)
def backfill_blocks_signups(context: CheckContext) -> Iterable[Finding]:
    """A signup during the backfill waits no longer than one batch.

    `lock table`, a counter that the trigger increments too, a trigger that is disabled for the
    time: each of them holds until the transaction ends, and with it every signup. On a laptop that
    is a moment; with a million ghosts it is an outage, which ends with the app's time-out.

    Judged by an ordinary signup while the backfill's transaction is still open. It may wait for a
    backfill that commits as it goes on, batch by batch: such a one is stopped at its last row, and
    by then others must be able to see its first ones.
    """
    one = filling(context)
    if one.routine.commits:
        ghosts.crowd(one.context, CROWD)
        with paused(one.context, one.routine, CROWD - 1) as pid:
            all_at_once = len(ghosts.without_profile(one.context)) >= CROWD
            blocked = all_at_once and _blocks(one.context, pid)
    else:
        one.make_ghosts(3)
        with unfinished(one.context, one.routine) as pid:
            blocked = _blocks(one.context, pid)
    if blocked:
        yield _finding(one)


def _blocks(context: CheckContext, pid: int) -> bool:
    session = context.session("supabase_auth_admin")
    return waits(context, pid, lambda: context.sign_up(ghosts.ORDINARY), session)


def _finding(one: Filling) -> Finding:
    return one.finding(
        f"{one.routine.origin} holds every signup up from its beginning to its end",
        f"begin;\n{one.call}-- in a second session, as supabase_auth_admin:\n"
        "-- insert into auth.users (id, email) values (gen_random_uuid(), 'ada@example.com');\n"
        "select locktype, relation::regclass, mode\nfrom pg_catalog.pg_locks\n"
        "where pid = pg_backend_pid() and relation is not null\norder by relation, mode;\n",
        "-- take no lock that a signup needs, and give back what is held after some users each:\n"
        "-- create procedure … as $$ … loop … insert … limit 5000; commit; end loop",
    )
