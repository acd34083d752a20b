"""US505: a trigger that is taken for the one it is not."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes.monitoring import figures, read_remedies
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import Seen, survey
from ...runner.check import check
from ...runner.context import CheckContext


@check("US505", level=Level.ERROR, shared_database=True)
def trigger_status_wrong(context: CheckContext) -> Iterable[Finding]:
    """Dropped, disabled, replica-only and decoy (same name, other table) triggers are told from an
    active one.

    A name is not a trigger. `where tgname = 'on_auth_user_created'` is true of a trigger of that
    name on any table, with any function, under a condition that is never met. `tgenabled = 'O'`
    is true of most triggers that fire and false of one that is enabled always, which fires too;
    a mere `exists` is true of one that is disabled.

    Whether a trigger works was seen in each state: somebody signed up, and had a profile or not.
    """
    if not any(seen.told_works is not None for seen in survey(context)):
        raise NotApplicable("the quality check says nothing of the trigger")
    for works in (False, True):

        def judge(seen: Seen, *, works: bool = works) -> str:
            return figures.trigger(seen) if seen.fault.facts.works is works else ""

        yield from finding(context, judge, "check", lambda: read_remedies.check(context))
