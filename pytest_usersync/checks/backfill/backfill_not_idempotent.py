"""US403: a second run of the backfill is not without effect."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes.backfill.run_backfill import filled
from ...runner.check import check
from ...runner.context import CheckContext


@check("US403", level=Level.ERROR)
def backfill_not_idempotent(context: CheckContext) -> Iterable[Finding]:
    """A second run changes nothing.

    A backfill is run again: after an incident, on the branch, by whoever does not know that it has
    been run. A plain `insert … select` then fails on its own rows, `on conflict do update` touches
    every profile once more, and a table without a unique key gets everything twice.

    Judged by running it twice over a few ordinary users, and comparing every row of the tables
    that a signup fills before and after the second run. What else it writes, such as a log, is
    its own business.
    """
    one, users = filled(context, 3)
    before = one.rows()
    ran = one.run()
    table = next((name for name, rows in one.rows().items() if rows != before[name]), "")
    if not ran.failure and not table:
        return
    what = f"fails: {ran.failure.message}" if ran.failure else f"changes rows of {table}"
    sql = one.shown(
        users[:1], f"{one.call}select * from {table or one.context.sync.profile.table};\n"
    )
    yield one.finding(
        f"{one.routine.origin}, run a second time, {what}",
        sql,
        one.better("write for those alone who have no row yet"),
        ran.failure,
    )
