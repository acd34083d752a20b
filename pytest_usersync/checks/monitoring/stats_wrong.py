"""US504: numbers that are not those of the tables."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.monitoring import figures, read_remedies
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import survey
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US504",
    level=Level.ERROR,
    symptom="Monitoring: the counts are wrong",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def stats_wrong(context: CheckContext) -> Iterable[Finding]:
    """Counts and statuses are right: one ghost user plus one orphaned profile is not parity.

    Two equal totals do not show that the rows match: a user without a profile and a profile without
    a user cancel out. Totals from two statements have different snapshots, so a signup in between
    looks like a ghost user.

    Count once, over a full join of both tables by the key: rows without a counterpart are the
    discrepancy. If a number is wrong only because the project's own list is wrong, the finding is
    about the list.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.stats and not monitoring.check:
        raise NotApplicable("the monitoring has no counts")
    if not any(map(figures.counted, survey(context))):
        raise NotApplicable("the monitoring uses other names for its counts")
    stats = monitoring.stats and list(
        finding(context, figures.stats, "stats", lambda: read_remedies.stats(context))
    )
    if stats:
        yield from stats
    elif monitoring.check:
        yield from finding(context, figures.checks, "check", lambda: read_remedies.check(context))
