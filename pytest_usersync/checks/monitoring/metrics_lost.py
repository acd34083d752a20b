"""US507: a state that was recorded wrongly, or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.monitoring import record_remedy
from ...probes.monitoring.call import call_name
from ...probes.monitoring.earlier_days import history
from ...probes.monitoring.figures import latest, recorded
from ...probes.monitoring.report_answers import finding, showing
from ...runner.check import check
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context


@check(
    "US507",
    level=Level.ERROR,
    symptom="Monitoring: the log loses records",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def metrics_lost(context: CheckContext) -> Iterable[Finding]:
    """Each recording adds one row with the current numbers.

    When a user complains, the team reads the log: since when? These logs give wrong answers: one
    row for each day that the next call overwrites; a row only when something is wrong; numbers in
    the wrong columns; a `now() at time zone 'utc'` that the column stores as another time.

    Each call must add a row, the latest status must show it, and the history must show all rows of
    its days in every time zone.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.log:
        raise NotApplicable("the monitoring has no log")

    def remedy() -> str:
        return record_remedy.record(
            context,
            "-- one insert for each call, with the counted numbers and now() as its time",
        )

    shown = showing(context)
    found = list(finding(context, recorded, "record", remedy, show=shown, verb="records wrongly:"))
    if not found and monitoring.latest:
        called = call_name(monitoring.latest)
        told = f"-- in {called}: order by checked_at desc, and return the first row"
        call = f"select * from {monitoring.record};\nselect * from {monitoring.latest}"
        found = list(finding(context, latest, "latest", lambda: told, show=call))
    yield from found or history(reused_context(context, undone=True))
