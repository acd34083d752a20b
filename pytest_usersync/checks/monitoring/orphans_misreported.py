"""US503: a list of orphaned profiles that is not what it says."""

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
    "US503",
    level=Level.ERROR,
    symptom="Monitoring: the list of orphaned profiles is wrong",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def orphans_misreported(context: CheckContext) -> Iterable[Finding]:
    """The list of orphaned profiles contains exactly the real orphaned profiles.

    A deleted user leaves an orphaned profile: personal data that nobody can ask to delete. A
    foreign key prevents new ones, but not those that existed when it was added with `not valid`,
    nor those from a restore or from a session in replica mode.

    Compare only the keys: `where not exists (select from auth.users where id = …)`.
    """
    if not any(seen.fault.facts.orphans for seen in survey(context)):
        raise NotApplicable("the check cannot create a profile without a user here")
    yield from finding(
        context,
        lambda seen: misreported(seen, "orphans"),
        "orphans",
        lambda: read_remedies.orphans(context),
    )
