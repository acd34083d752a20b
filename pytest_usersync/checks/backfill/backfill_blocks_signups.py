"""US408: nobody can sign up while the backfill is at work."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, Severity
from ...probes import cause_keys
from ...probes.backfill.interrupted import paused, unfinished, waits
from ...probes.backfill.run_backfill import BackfillSandbox, backfill_sandbox
from ...probes.maintenance import ghosts
from ...runner.check import check
from ...runner.context import CheckContext

CROWD = 1050


@check(
    "US408",
    level=Level.ERROR,
    severity=Severity.SIGNUP_FAILS,
    symptom="Backfill: signups wait until it ends",
    cause=cause_keys.BACKFILL,
)
def backfill_blocks_signups(context: CheckContext) -> Iterable[Finding]:
    """A signup during the backfill waits no longer than one batch.

    `lock table`, a counter that the trigger also increments, and a disabled trigger hold their
    locks until the transaction ends, and every signup waits. With a small table that takes a
    moment. With a million ghost users it is an outage: signups time out.

    The check signs up an ordinary user while the backfill's transaction is open. A signup may wait
    for a backfill that commits in batches: the check stops such a backfill at its last row, and
    other sessions must already see its first rows.
    """
    one = backfill_sandbox(context)
    if one.routine.commits:
        ghosts.insert_many(one.context, CROWD)
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


def _finding(one: BackfillSandbox) -> Finding:
    return one.finding(
        f"{one.routine.origin} blocks every signup until it ends",
        f"begin;\n{one.call}-- in a second session, as supabase_auth_admin:\n"
        "-- insert into auth.users (id, email) values (gen_random_uuid(), 'ada@example.com');\n"
        "select locktype, relation::regclass, mode\nfrom pg_catalog.pg_locks\n"
        "where pid = pg_backend_pid() and relation is not null\norder by relation, mode;\n",
        "-- take no lock that a signup needs, and commit after each batch of users:\n"
        "-- create procedure … as $$ … loop … insert … limit 5000; commit; end loop",
    )
