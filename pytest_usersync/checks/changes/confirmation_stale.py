"""US202: the profile misses that the user was confirmed later on, or is so no more."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import remedies
from ...probes.lifecycle import stale_columns
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import names


@check(
    "US202",
    level=Level.ERROR,
    needs=Needs.PROFILE,
    cases=names("confirmation", upgrades=False),
    shared_database=True,
)
def confirmation_stale(context: CheckContext) -> Iterable[Finding]:
    """After a later confirmation (email, phone, invite, magic link) the verified column says so;
    and it follows when an identity is unlinked.

    Where confirmations are on, as they are on every hosted project by default, nobody is confirmed
    at the signup. The link in the mail, the code in the text message, the invitation accepted, the
    admin's click, a sign-in with GitHub under the same address: each sets `email_confirmed_at` or
    `phone_confirmed_at` by an UPDATE, hours later. A trigger on INSERT has been and gone.

    It goes the other way, too. Whoever unlinks the identity that vouched for the address gets that
    of another identity, and is unconfirmed again if nobody vouches for it; unlinking the phone
    takes number and confirmation away. A column that was only ever set to true then vouches for an
    address that was never confirmed.

    Let an AFTER UPDATE trigger write `new.email_confirmed_at is not null`, not `true`. If the
    column is meant to tell what was so at the signup, say so with
    `usersync_confirmation = snapshot`.
    """
    if context.policies.confirmation == "snapshot":
        raise NotApplicable("the profile is meant to tell what was so at the signup")
    mirrors = [one for one in remedies.following(context) if one.confirmation]
    if not mirrors:
        raise NotApplicable("no column of the profile tells whether the user is confirmed")
    yield from stale_columns.findings(context, mirrors)
