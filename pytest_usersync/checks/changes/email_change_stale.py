"""US201: the profile keeps the address that the user had before."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import remedies
from ...probes.lifecycle import stale_columns
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import names


@check(
    "US201",
    level=Level.ERROR,
    needs=Needs.PROFILE,
    cases=(*names("email", upgrades=False), "email-change-requested"),
    shared_database=True,
)
def email_change_stale(context: CheckContext) -> Iterable[Finding]:
    """After an email change the profile has the new address.

    The profile is filled in at the signup, and nothing looks at the user again: most projects have
    no trigger but the AFTER INSERT one. From the first email change on, the app writes to, shows
    and finds by an address that is not the user's any more and may be somebody else's by now.

    An address changes in more ways than one. The user asks for it and confirms it, from both
    mailboxes or from one; an admin changes it at once; a linked identity brings the first one, and
    unlinking an identity replaces it by that of another, or by none. All of them end in one UPDATE
    of `auth.users.email`. Until the change is confirmed the new address stands in
    `auth.users.email_change`, and is nobody's: do not copy it. `raw_user_meta_data ->> 'email'`
    keeps the old one for ever.

    Let an AFTER UPDATE trigger follow the column, or read the address from `auth.users` when it is
    needed. If the profile is meant to keep the address of the signup, say so with
    `usersync_email_change = snapshot`.
    """
    if context.policies.email_change == "snapshot":
        raise NotApplicable("the profile is meant to keep the address of the signup")
    mirrors = [one for one in remedies.following(context) if one.sources == ("email",)]
    if not mirrors:
        raise NotApplicable("no column of the profile follows auth.users.email")
    yield from stale_columns.findings(context, mirrors)
