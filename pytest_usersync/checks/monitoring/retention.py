"""US509: a log that forgets too early, or never."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.monitoring import record_remedy
from ...probes.monitoring.call import call_name
from ...probes.monitoring.earlier_days import kept
from ...runner.check import check
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context


@check(
    "US509",
    level=Level.WARNING,
    symptom="Monitoring: records are not kept for 90 days",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def retention(context: CheckContext) -> Iterable[Finding]:
    """Log rows older than 90 days are deleted; younger rows stay.

    A log without deletes grows forever. If its reasons contain emails, it keeps personal data too
    long. A log that deletes too early cannot show the previous month.

    Delete in the function that records: then no second job can fail alone. The check also runs the
    jobs in `cron.job` before it reports that a row stays.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.record or not monitoring.log:
        raise NotApplicable("the monitoring has no function that writes a log")
    alone = reused_context(context, undone=True)
    for age, stays in (("89 days 23 hours", True), ("90 days 1 hour", False)):
        seen = kept(alone, age)
        if seen.undone and seen.there:
            raise NotJudged(f"the scheduled {seen.undone} cannot be run here")
        if seen.there is not stays:
            fate = (
                "is not deleted, also not by a scheduled job"
                if seen.there
                else "is already deleted"
            )
            yield Finding(
                summary=f"after {call_name(monitoring.record)}, a row of {monitoring.log}"
                f" that is {age} old {fate}",
                sql=seen.sql,
                remedy=record_remedy.record(
                    context,
                    f"-- when recording: delete from {monitoring.log}"
                    " where checked_at < now() - interval '90 days';",
                ),
                location=context.places.routine(monitoring.record, "delete from", monitoring.log),
            )
