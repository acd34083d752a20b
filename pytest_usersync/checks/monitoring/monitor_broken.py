"""US501: monitoring that fails when it is called."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes import cause_keys
from ...probes.monitoring.intended_callers import FailedCall, failed_calls
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US501",
    level=Level.ERROR,
    symptom="Monitoring: one of its functions fails",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def monitor_broken(context: CheckContext) -> Iterable[Finding]:
    """Every monitoring function runs without an error, in sync or not, as the roles that call it.

    PL/pgSQL checks a statement when it executes it. So a renamed column, or a division by the
    number of users, fails only in a certain state: with a ghost user, or with no users. A role may
    lack a right that the owner has: `service_role` cannot read `auth.users`, so a function that it
    calls must be `security definer`.

    The check calls the functions with empty tables, with all users in sync, and with each kind of
    ghost user and orphaned profile, as `postgres` and as `service_role` if they have EXECUTE.
    """
    told: set[str] = set()
    for one in failed_calls(context):
        if one.function not in told:
            told.add(one.function)
            yield _finding(context, one)


def _finding(context: CheckContext, one: FailedCall) -> Finding:
    return Finding(
        summary=f"{one.function} fails as {one.role} with {one.title}: {one.failure.message}",
        sql=one.sql,
        remedy=one.remedy,
        failure=one.failure,
        location=one.failure.location or context.places.routine(one.function),
    )
