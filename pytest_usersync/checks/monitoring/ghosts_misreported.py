"""US502: a list of ghosts that is not what it says."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes.monitoring import read_remedies
from ...probes.monitoring.lists import misreported
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import survey
from ...runner.check import check
from ...runner.context import CheckContext


@check("US502", level=Level.ERROR, shared_database=True)
def ghosts_misreported(context: CheckContext) -> Iterable[Finding]:
    """Reported ghosts = real ghosts, exactly.

    A list that leaves somebody out is worse than none: it says that all is well. Left out are those
    who are odd: the user without an email, where the query joins by the address; the one of last
    year, where it looks at the last days only; the one without a date; the one whose date is
    tomorrow. `extract(day from age(…))` counts the days of the last month begun, not all of them.

    Compare the keys and nothing else: `where not exists (select from profiles where id = u.id)`.
    """
    if not any(seen.fault.facts.ghosts for seen in survey(context)):
        raise NotApplicable("no user without a profile can be made here")
    yield from finding(
        context,
        lambda seen: misreported(seen, "ghosts"),
        "ghosts",
        lambda: read_remedies.ghosts(context),
    )
