"""US506: a status that does not follow the facts."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.monitoring import record_remedy
from ...probes.monitoring.figures import worded
from ...probes.monitoring.report_answers import finding, showing
from ...probes.monitoring.survey import SurveyedState, survey
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US506",
    level=Level.ERROR,
    symptom="Monitoring: the recorded status is wrong",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def status_wrong(context: CheckContext) -> Iterable[Finding]:
    """The status (healthy, degraded, critical) matches the facts.

    Critical means that users are locked out of the app: a ghost user, or a trigger that writes no
    profile. Degraded means a problem that can wait: orphaned profiles. If a check cannot run, the
    state is not healthy: the function may fail, so that the schedule's history shows it, but it
    must not swallow the error.

    If the function's own counts and checks are wrong, the finding is about them, not about the
    status.
    """
    if not capabilities.monitoring(context).log:
        raise NotApplicable("the monitoring has no log")
    if not any("sync_status" in row for seen in survey(context) for row in seen.rows("log")):
        raise NotApplicable("the log has no sync_status")

    def judge(seen: SurveyedState) -> str:
        return worded(seen, "log") or worded(seen, "latest")

    def remedy() -> str:
        return record_remedy.record(
            context,
            "-- critical: a ghost user, a trigger that is not active, or a failed check;\n"
            "-- degraded: only orphaned profiles; healthy: none of these",
        )

    yield from finding(context, judge, "record", remedy, show=showing(context))
