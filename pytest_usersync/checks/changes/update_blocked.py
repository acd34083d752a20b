"""US203: what Supabase Auth writes about a user later on fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...auth import User
from ...model.finding import Finding, Level, Severity
from ...model.sync import SyncTrigger
from ...probes.lifecycle import lost_values
from ...runner import lifecycle
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios import BY_NAME, Change, names

_EMPTIED = """\
-- a soft delete writes hashes over email and phone, and empties the metadata: write NULL when
-- new.deleted_at is not null"""


@check(
    "US203",
    level=Level.ERROR,
    severity=Severity.SIGNUP_FAILS,
    symptom="Update of a user fails: {cases}",
    needs=Needs.SIGNUP,
    cases=names(),
    shared_database=True,
)
def update_blocked(context: CheckContext) -> Iterable[Finding]:
    """No UPDATE of Supabase Auth fails: sign-in, token refresh, confirmation, change, metadata,
    ban, unlink, soft delete.

    Every sign-in and every token refresh updates `auth.users`, once an hour for every open browser
    tab. A trigger on UPDATE that raises an error locks out existing users: "Database error granting
    user", "Error confirming user", "Error updating user". The function was tested with one kind of
    UPDATE, but it runs for all of them.

    An ordinary sign-in seldom fails. These flows do: unlinking an identity sets the email to NULL,
    but the column is NOT NULL; an SSO user has the same email, but the column is unique; a soft
    delete empties the metadata; a soft delete writes a hash over the email, and a check constraint
    refuses it; an anonymous user has no profile to update.

    A BEFORE UPDATE trigger that returns NULL is worse than an error: PostgreSQL skips the row,
    Supabase Auth does not notice, and the user sees a success.

    Use `after update of` the columns that the profile copies, write only those that changed, and
    make a column nullable if its source can be NULL.
    """
    change = BY_NAME[context.case]
    user = lifecycle.require_signup(context, change)
    before = context.user(user.id) or {}
    try:
        told = lifecycle.apply(context, change, user)
    except SignupRefused as refusal:
        found = context.refused(refusal, f"{change.title} fails")
        emptied = "soft-delete" in change.name
        yield replace(found, remedy=f"{found.remedy}\n{_EMPTIED}") if emptied else found
        return
    if name := lost_values.column(before, told, context.user(user.id) or {}):
        yield _lost(context, change, user, name)


def _lost(context: CheckContext, change: Change, user: User, name: str) -> Finding:
    known = [one for one in context.sync.triggers if one.enabled and _before_update(one)]
    who = " or ".join(f"{one.name} ({one.function})" for one in known)
    who = who or "a BEFORE UPDATE trigger"
    return Finding(
        summary=f"{change.title} has no effect, without any error: {who} keeps the old"
        f" auth.users.{name}",
        sql=lost_values.shown(context, user, name)
        + f"select {name} from auth.users where id = '{user.id}';\n",
        remedy=f"End {who} with `return new;` on every path, and do not change new.{name}.",
        location=known[0].function_location if known else context.places.writer(),
    )


def _before_update(trigger: SyncTrigger) -> bool:
    return trigger.event.startswith("BEFORE") and "UPDATE" in trigger.event
