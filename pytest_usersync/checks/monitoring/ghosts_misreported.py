"""US502: a list of ghosts that is not what it says."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys
from ...probes.monitoring import read_remedies
from ...probes.monitoring.lists import misreported
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import survey
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US502",
    level=Level.ERROR,
    symptom="Monitoring: the list of ghost users is wrong",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def ghosts_misreported(context: CheckContext) -> Iterable[Finding]:
    """The list of ghost users contains exactly the real ghost users.

    A list that omits a user is worse than no list: it says that all is well. Typical omissions: a
    user without an email, if the query joins by email; a user of last year, if it reads only the
    last days; a user without a date; a user whose date is tomorrow. `extract(day from age(…))`
    returns only the days of the last month, not all days.

    Compare only the keys: `where not exists (select from profiles where id = u.id)`.
    """
    if not any(seen.fault.facts.ghosts for seen in survey(context)):
        raise NotApplicable("the check cannot create a user without a profile here")
    yield from finding(
        context,
        lambda seen: misreported(seen, "ghosts"),
        "ghosts",
        lambda: read_remedies.ghosts(context),
    )
