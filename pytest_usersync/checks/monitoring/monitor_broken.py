"""US501: monitoring that fails when it is called."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes.monitoring.intended_callers import Broken, broken
from ...runner.check import check
from ...runner.context import CheckContext


@check("US501", level=Level.ERROR, shared_database=True)
def monitor_broken(context: CheckContext) -> Iterable[Finding]:
    """Every monitoring function runs, healthy or not, as the roles meant to call it.

    PL/pgSQL reads a statement when it comes to it, so a column that was renamed or a division by
    the number of users shows on the day that matters: with a ghost, or with no user at all. And
    what the owner may read, `service_role` may not: `auth.users` is closed to it, so a function
    that it calls reads it as `security definer` or not at all.

    The functions are called with nobody in the tables, with everybody in order, and with each kind
    of ghost and orphan, by `postgres` and `service_role` where they have EXECUTE.
    """
    told: set[str] = set()
    for one in broken(context):
        if one.function not in told:
            told.add(one.function)
            yield _finding(one)


def _finding(one: Broken) -> Finding:
    return Finding(
        summary=f"{one.function} fails as {one.role} with {one.title}: {one.failure.message}",
        sql=one.sql,
        remedy=one.remedy,
        failure=one.failure,
        location=one.failure.location,
    )
