"""US306: a user is deleted while somebody writes the profile."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...model.quoting import named, quoted
from ...probes.races.aftermath import left
from ...probes.races.backfill_race import backfill, expect_filled, ghost
from ...probes.races.signup_race import Meeting
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME


@check("US306", level=Level.ERROR, needs=Needs.PROFILE, cases=("update", "backfill"))
def signup_delete_race(context: CheckContext) -> Iterable[Finding]:
    """Delete beside backfill or update leaves no orphan.

    Where no foreign key ties the profile to its user, a trigger deletes it. A backfill that has
    read the users before one of them was deleted inserts that profile afterwards, and nothing will
    ever delete it. An update of `auth.users` and a delete of the same user wait for each other, so
    that a trigger for each row can hardly go wrong there; one for each statement can, which fills
    or mends whatever it finds before the update has locked its row.

    Tie the profile to its user with `references auth.users (id) on delete cascade`, or lock the
    users that are filled: `insert … select … from auth.users … for key share`.
    """
    if context.policies.hard_delete != "remove":
        raise NotApplicable("the profile of a deleted user is not meant to be removed")
    # A change of the address locks the identity, too, which the delete then waits for.
    changes = ("",) if context.case == "backfill" else ("metadata", "email-change-by-admin")
    for change in changes:
        found = _met(context, change)
        if found:
            yield found
            return


def _met(context: CheckContext, name: str) -> Finding | None:
    meeting = Meeting(context)
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
        raise NotJudged("a delete leaves a profile even when nothing else happens (US206)")
    if context.case == "backfill":
        expect_filled(context, alone, [other])
    for outcome in meeting.outcomes(alone, inserts=profile.table):
        if "admin" not in outcome.errors and left(outcome, profile, user.id) > kept:
            return meeting.finding(
                outcome,
                f"a user is deleted while {title} is under way, and {profile.table} keeps a row of"
                " the user, who is gone",
                f"alter table {named(profile.table)}\n"
                f"    add foreign key ({quoted(profile.key)}) references auth.users (id)"
                " on delete cascade;",
                ending=f"select * from {named(profile.table)} as p where not exists"
                f" (select from auth.users as u where u.id::text = p.{quoted(profile.key)}::text);",
            )
    return None
