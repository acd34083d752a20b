"""US503: a list of orphaned profiles that is not what it says."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes.monitoring import read_remedies
from ...probes.monitoring.lists import misreported
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import survey
from ...runner.check import check
from ...runner.context import CheckContext


@check("US503", level=Level.ERROR, shared_database=True)
def orphans_misreported(context: CheckContext) -> Iterable[Finding]:
    """Reported orphans = real orphans, exactly.

    An orphaned profile is what a deleted user left behind: personal data that nobody can ask to
    have deleted any more. A foreign key forbids new ones, not those that were there when it came
    with `not valid`, nor what a restore or a session in replica mode brought.

    Compare the keys and nothing else: `where not exists (select from auth.users where id = …)`.
    """
    if not any(seen.fault.facts.orphans for seen in survey(context)):
        raise NotApplicable("no profile without its user can be made here")
    yield from finding(
        context,
        lambda seen: misreported(seen, "orphans"),
        "orphans",
        lambda: read_remedies.orphans(context),
    )
