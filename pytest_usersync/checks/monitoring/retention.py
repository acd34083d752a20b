"""US509: a log that forgets too early, or never."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...probes.maintenance import capabilities
from ...probes.monitoring import record_remedy
from ...probes.monitoring.call import bare
from ...probes.monitoring.earlier_days import kept
from ...runner.check import check
from ...runner.context import CheckContext
from ...runner.reused_sandbox import fresh


@check("US509", level=Level.WARNING, shared_database=True)
def retention(context: CheckContext) -> Iterable[Finding]:
    """Rows older than 90 days go, younger ones stay.

    A log that nothing deletes from grows for ever, and with addresses in its reasons it keeps
    personal data longer than anybody means to. One that is cut too short cannot tell what the
    month before looked like.

    Delete when recording, in the same function: then there is no second job that may fail alone.
    What `cron.job` has is run too before a row is said to stay.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.record or not monitoring.log:
        raise NotApplicable("the monitoring has no log that a function writes")
    alone = fresh(context, undone=True)
    for age, stays in (("89 days 23 hours", True), ("90 days 1 hour", False)):
        seen = kept(alone, age)
        if seen.undone and seen.there:
            raise NotJudged(f"the scheduled {seen.undone} cannot be run here")
        if seen.there is not stays:
            fate = "stays, whatever is scheduled" if seen.there else "is gone"
            yield Finding(
                summary=f"after {bare(monitoring.record)}, a row of {monitoring.log} that is {age}"
                f" old {fate}",
                sql=seen.sql,
                remedy=record_remedy.record(
                    context,
                    f"-- when recording: delete from {monitoring.log}"
                    " where checked_at < now() - interval '90 days';",
                ),
            )
