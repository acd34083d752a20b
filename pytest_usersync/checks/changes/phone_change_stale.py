"""US212: the profile keeps the phone number that the user had before."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import remedies
from ...probes.lifecycle import stale_columns
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import names


@check(
    "US212",
    level=Level.ERROR,
    needs=Needs.PROFILE,
    cases=(*names("phone", upgrades=False), "phone-change-requested"),
    shared_database=True,
)
def phone_change_stale(context: CheckContext) -> Iterable[Finding]:
    """After a phone change the profile has the new number.

    An email user who adds a number, a user who changes it, an admin who changes it for them: the
    number is written by an UPDATE of `auth.users.phone`, often long after the signup, and a profile
    that is only filled in at the signup never has it. Texts then go to a number that may be a
    stranger's by now. Unlinking the phone identity sets it to NULL.

    A number that waits for its confirmation stands in `auth.users.phone_change`: do not copy it.
    Supabase Auth stores digits only, without the plus sign.

    Let an AFTER UPDATE trigger follow the column. If the profile is meant to keep what the signup
    brought, say so with `usersync_email_change = snapshot`, which holds for numbers as well.
    """
    if context.policies.email_change == "snapshot":
        raise NotApplicable("the profile is meant to keep the number of the signup")
    mirrors = [one for one in remedies.following(context) if one.sources == ("phone",)]
    if not mirrors:
        raise NotApplicable("no column of the profile follows auth.users.phone")
    yield from stale_columns.findings(context, mirrors)
