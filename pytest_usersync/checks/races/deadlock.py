"""US303: two sessions wait for each other."""

from __future__ import annotations

from collections.abc import Iterable

from ...interleaving import Outcome
from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...platform.platform import migration_role
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.races.aftermath import DEADLOCK, shared, written
from ...probes.races.profile_edit import editing
from ...probes.races.signup_race import SignupRace, new_users
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME

# Who waits for each other shares two rows, or one and what refers to it.
_LEAST = 2
_TITLES = {
    "signups": "two signups",
    "delete": "a signup and the delete of another user",
    "edit": "an edit of the profile and an update of its user by Supabase Auth",
    "backfill": "a signup and the backfill",
}


@check(
    "US303",
    level=Level.ERROR,
    symptom="Signup fails: two sessions wait for each other",
    cause=cause_keys.LOCK_ORDER,
    needs=Needs.PROFILE,
    cases=tuple(_TITLES),
)
def deadlock(context: CheckContext) -> Iterable[Finding]:
    """No interleaving of signups, updates, deletes and backfill ends in a deadlock (40P01).

    A transaction keeps the locks on its rows until it ends. If one transaction writes a and then b,
    and another writes b and then a, each can wait for the other. PostgreSQL then ends one of them
    with 40P01, deadlock detected. Under load, a signup fails now and then, and the reason is hard
    to find. Foreign keys take part: an insert locks the row that it refers to, and two transactions
    that have both done so wait for each other when each then locks that row `for update`. A profile
    that writes back into `auth.users` also takes part, because Supabase Auth has locked that row
    first.

    The check stops the sessions before and after each statement that writes.

    Write in the same order in every function, or lock first the row that you write last.
    """
    meeting, alone = _met(context)
    if context.case in ("delete", "edit") and all(shared(context, one) < _LEAST for one in alone):
        return
    for outcome in meeting.outcomes(alone):
        for name, many in outcome.errors.items():
            if any(told.sqlstate == DEADLOCK for told in many):
                tables = [str(table) for table in written(context, alone)]
                yield meeting.finding(
                    outcome,
                    f"{_TITLES[context.case]} wait for each other, and one of them fails"
                    " (deadlock)",
                    _remedy(tables),
                    of=name,
                )
                return


def _met(context: CheckContext) -> tuple[SignupRace, list[Outcome]]:
    if context.case == "signups":
        return new_users(context, after=True)
    meeting = SignupRace(context, after=True)
    if context.case == "delete":
        if context.policies.hard_delete == "refuse":
            raise NotApplicable("only for usersync_hard_delete = remove or keep")
        eve = meeting.earlier(context.person())
        meeting.sign_up("ada", context.person())
        meeting.act("eve", "deletion", lambda auth: auth.admin.delete_user(eve))
    elif context.case == "edit":
        editing(context, meeting, BY_NAME["metadata"])
    else:
        routine = capabilities.backfill(context)
        if routine.commits:
            raise NotApplicable("the backfill commits in batches")
        meeting.sign_up("ada", context.person())
        meeting.sql("backfill", "runs", routine.sql, role=migration_role(context.subject.server))
    alone = meeting.alone()
    if any(outcome.errors for outcome in alone):
        failed = next(iter(next(one for one in alone if one.errors).errors))
        raise NotJudged(f"the session {failed} fails even when it runs alone")
    return meeting, alone


def _remedy(tables: list[str]) -> str:
    return (
        f"-- write {', '.join(tables)} in the same order in all functions; or first lock the\n"
        "-- shared row in each function, before it writes anything:\n"
        "-- perform from … where … for update;"
    )
