"""US306: a user is deleted while somebody writes the profile."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable, NotJudged, Severity
from ...model.quoting import named, quoted
from ...probes import cause_keys
from ...probes.races.aftermath import left
from ...probes.races.backfill_race import backfill, expect_filled, ghost
from ...probes.races.signup_race import SignupRace
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME


@check(
    "US306",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="Deleted users: the profile stays when two requests meet",
    cause=cause_keys.DELETION,
    needs=Needs.PROFILE,
    cases=("update", "backfill"),
)
def signup_delete_race(context: CheckContext) -> Iterable[Finding]:
    """A delete beside a backfill or an update leaves no orphaned profile.

    Without a foreign key from the profile to its user, a trigger deletes the profile. A backfill
    that has read the users before one of them was deleted inserts that user's profile afterwards,
    and nothing deletes it later. An update and a delete of the same user in `auth.users` wait for
    each other, so a `for each row` trigger is nearly always safe. A `for each statement` trigger is
    not: it fills or repairs rows before the update has locked its row.

    Add `references auth.users (id) on delete cascade`, or lock the users in the backfill: `insert …
    select … from auth.users … for key share`.
    """
    if context.policies.hard_delete != "remove":
        raise NotApplicable("only for usersync_hard_delete = remove")
    # A change of the address locks the identity, too, which the delete then waits for.
    changes = ("",) if context.case == "backfill" else ("metadata", "email-change-by-admin")
    for change in changes:
        found = _met(context, change)
        if found:
            yield found
            return


def _met(context: CheckContext, name: str) -> Finding | None:
    meeting = SignupRace(context)
    if context.case == "backfill":
        title = backfill(context, meeting, "other").origin
        user, other = ghost(context, meeting), ghost(context, meeting)
        kept = 0
    else:
        change = BY_NAME[name]
        user = other = meeting.later(change, context.person())
        meeting.act("other", change.title, lambda auth: change.act(auth, user), change.settings)
        title, kept = change.title, -1
    meeting.act("admin", "deletion", lambda auth: auth.admin.delete_user(user))
    profile = context.sync.profile
    alone = meeting.alone()
    if any(left(outcome, profile, user.id) != kept for outcome in alone):
        raise NotJudged("a delete leaves a profile even when it runs alone (US206)")
    if context.case == "backfill":
        expect_filled(context, alone, [other])
    for outcome in meeting.outcomes(alone, inserts=profile.table):
        if "admin" not in outcome.errors and left(outcome, profile, user.id) > kept:
            return meeting.finding(
                outcome,
                f"a user is deleted during {title}, and {profile.table} keeps the deleted user's"
                " row",
                f"alter table {named(profile.table)}\n"
                f"    add foreign key ({quoted(profile.key)}) references auth.users (id)"
                " on delete cascade;",
                ending=f"select * from {named(profile.table)} as p where not exists"
                f" (select from auth.users as u where u.id::text = p.{quoted(profile.key)}::text);",
            )
    return None
