"""US212: the profile keeps the phone number that the user had before."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys, remedies
from ...probes.lifecycle import stale_columns
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import names


@check(
    "US212",
    level=Level.ERROR,
    symptom="Wrong data: a changed phone number stays old",
    cause=cause_keys.FOLLOWING,
    needs=Needs.PROFILE,
    cases=(*names("phone", upgrades=False), "phone-change-requested"),
    shared_database=True,
)
def phone_change_stale(context: CheckContext) -> Iterable[Finding]:
    """After a phone change, the profile has the new number.

    An email user adds a number, a user changes it, an admin changes it: an UPDATE writes
    `auth.users.phone`, often long after the signup. A profile that is only written at the signup
    never gets it, and text messages go to the old number, which may belong to another person by
    then. Unlinking the phone identity sets the column to NULL.

    A number that is not confirmed yet is in `auth.users.phone_change`: do not copy it. Supabase
    Auth stores digits only, without the plus sign.

    Follow the column in an AFTER UPDATE trigger. If the profile should keep the number of the
    signup, set `usersync_email_change = snapshot`, which also applies to phone numbers.
    """
    if context.policies.email_change == "snapshot":
        raise NotApplicable("only for usersync_email_change = sync")
    mirrors = [one for one in remedies.following(context) if one.sources == ("phone",)]
    if not mirrors:
        raise NotApplicable("no profile column copies auth.users.phone")
    yield from stale_columns.findings(context, mirrors)
