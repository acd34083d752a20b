"""US203: what Supabase Auth writes about a user later on fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...auth import User
from ...model.finding import Finding, Level
from ...model.sync import SyncTrigger
from ...probes.lifecycle import lost_values
from ...runner import lifecycle
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios import BY_NAME, Change, names

_EMPTIED = """\
-- a soft delete writes hashes over email and phone, and empties the metadata: where new.deleted_at
-- is not null, write NULL"""


@check("US203", level=Level.ERROR, needs=Needs.SIGNUP, cases=names(), shared_database=True)
def update_blocked(context: CheckContext) -> Iterable[Finding]:
    """No UPDATE that Auth makes fails: sign-in, token refresh, confirm, change, metadata, ban,
    unlink, soft delete.

    Every sign-in and every token refresh UPDATEs `auth.users`, hourly for every open tab. A trigger
    on UPDATE that raises an error therefore locks people out who have long been users: "Database
    error granting user", "Error confirming user", "Error updating user". The function was tried
    with the UPDATE that it was written for, and runs for all of them.

    What fails is seldom the sign-in of an ordinary user. It is the flow that nobody tried: the
    address that becomes NULL when an identity is unlinked and whose column is NOT NULL, the address
    that an SSO user has as well and whose column is unique, the metadata that a soft delete
    empties, the hash that it writes over the address and that no check constraint lets pass, the
    anonymous user who has no profile to update.

    Worse than an error is a BEFORE UPDATE trigger that returns NULL: PostgreSQL leaves the row as
    it is, Supabase Auth does not look, and tells the user that all went well.

    Follow the UPDATE with `after update of` the columns that the profile has, write only those that
    changed, and let the columns be NULL that can be.
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
        summary=f"{change.title} is lost, and nobody is told: {who} leaves auth.users.{name} as it"
        " was",
        sql=lost_values.shown(context, user, name)
        + f"select {name} from auth.users where id = '{user.id}';\n",
        remedy=f"Let {who} end with `return new;` on every path, and leave new.{name} as it is.",
        location=known[0].function_location if known else None,
    )


def _before_update(trigger: SyncTrigger) -> bool:
    return trigger.event.startswith("BEFORE") and "UPDATE" in trigger.event
