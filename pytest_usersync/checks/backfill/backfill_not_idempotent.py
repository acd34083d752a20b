"""US403: a second run of the backfill is not without effect."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes import cause_keys
from ...probes.backfill.run_backfill import filled
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US403",
    level=Level.ERROR,
    symptom="Backfill: a second run fails or changes rows",
    cause=cause_keys.BACKFILL,
)
def backfill_not_idempotent(context: CheckContext) -> Iterable[Finding]:
    """A second run of the backfill changes nothing.

    A backfill runs more than once: after an incident, on a branch, or because somebody does not
    know about the first run. A plain `insert … select` then fails on its own rows, `on conflict do
    update` writes every profile again, and a table without a unique key gets every row twice.

    The check runs the backfill twice over a few ordinary users. It compares every row of the tables
    that a signup fills, before and after the second run. Other tables, such as a log, may change.
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
        f"a second run of {one.routine.origin} {what}",
        sql,
        one.better("insert only users without a row"),
        ran.failure,
    )
