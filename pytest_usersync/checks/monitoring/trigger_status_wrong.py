"""US505: a trigger that is taken for the one it is not."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys
from ...probes.monitoring import figures, read_remedies
from ...probes.monitoring.report_answers import finding
from ...probes.monitoring.survey import SurveyedState, survey
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US505",
    level=Level.ERROR,
    symptom="Monitoring: it is wrong about the trigger",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def trigger_status_wrong(context: CheckContext) -> Iterable[Finding]:
    """Dropped, disabled, replica-only and decoy triggers (same name, other table) are not mistaken
    for an active one.

    A name does not prove that a trigger works. `where tgname = 'on_auth_user_created'` also matches
    a trigger of that name on another table, with another function, or with a condition that is
    never true. `tgenabled = 'O'` is false for a trigger that is enabled always, which also fires.
    `exists` alone is true for a disabled trigger.

    The check signs up a user in each state, to see whether the trigger works.
    """
    if not any(seen.told_works is not None for seen in survey(context)):
        raise NotApplicable("the quality check does not report the trigger")
    for works in (False, True):

        def judge(seen: SurveyedState, *, works: bool = works) -> str:
            return figures.trigger(seen) if seen.fault.facts.works is works else ""

        yield from finding(
            context, judge, "check", lambda: read_remedies.check(context), at=["pg_trigger"]
        )
