"""US504: numbers that are not those of the tables."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes.maintenance import capabilities
from ...probes.monitoring import figures, read_remedies
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import survey
from ...runner.check import check
from ...runner.context import CheckContext


@check("US504", level=Level.ERROR, shared_database=True)
def stats_wrong(context: CheckContext) -> Iterable[Finding]:
    """Counts and statuses are right; one ghost plus one orphan does not read as parity.

    Two totals that are equal say nothing of who is in them: a user without a profile and a profile
    without a user make up for each other. And totals that are counted one after the other are not
    of one moment, so that a signup in between looks like a ghost.

    Count once, over a full join of both tables by the key: the rows without a counterpart are the
    discrepancy. A number that is wrong because the project's own list is wrong is told of the list.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.stats and not monitoring.check:
        raise NotApplicable("the monitoring counts nothing")
    if not any(map(figures.counted, survey(context))):
        raise NotApplicable("what the monitoring counts has other names")
    stats = monitoring.stats and list(
        finding(context, figures.stats, "stats", lambda: read_remedies.stats(context))
    )
    if stats:
        yield from stats
    elif monitoring.check:
        yield from finding(context, figures.checks, "check", lambda: read_remedies.check(context))
