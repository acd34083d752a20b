"""US510: monitoring that nobody runs."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes.maintenance import capabilities
from ...probes.monitoring.call import call_name
from ...probes.monitoring.earlier_days import scheduler
from ...probes.monitoring.jobs import daily, none_possible, runs
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US510", level=Level.INFO, symptom="Monitoring: no job runs it every day", shared_database=True
)
def not_scheduled(context: CheckContext) -> Iterable[Finding]:
    """A daily schedule (`pg_cron`) runs the monitoring.

    A monitoring function helps only if something calls it. A job that is not active, or that runs
    once a week, reports a ghost user too late. A job that calls a missing function fails, and
    nobody reads that table.

    A scheduler outside the database is as good, but the check cannot see it: ignore US510 then. The
    check runs each job once, to see whether it monitors.
    """
    monitoring = capabilities.monitoring(context)
    call = monitoring.record or monitoring.check
    if not call:
        raise NotApplicable("the monitoring has no function to schedule")
    if none_possible(context):
        raise NotApplicable("the server has no pg_cron")
    found = runs(context)
    if any(map(daily, (one.schedule for one in found))):
        return
    less = f", only “{found[0].schedule}”" if found else ""
    jobs = scheduler(context)
    yield Finding(
        summary=f"no job in cron.job runs {call_name(call)} every day{less}",
        sql="select jobname, schedule, command, active from cron.job order by jobid;\n"
        if jobs
        else "select to_regclass('cron.job') as jobs;\n",
        remedy=("" if jobs else "create extension if not exists pg_cron;\n\n")
        + "select cron.schedule(\n    'record-user-sync-metrics',\n    '0 2 * * *',\n"
        f"    'select * from {call}'\n);",
        location=context.places.job(found[0].schedule) if found else None,
    )
