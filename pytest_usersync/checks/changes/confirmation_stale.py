"""US202: the profile misses that the user was confirmed later on, or is so no more."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys, remedies
from ...probes.lifecycle import stale_columns
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import names


@check(
    "US202",
    level=Level.ERROR,
    symptom="Wrong data: a later confirmation is not copied",
    cause=cause_keys.FOLLOWING,
    needs=Needs.PROFILE,
    cases=names("confirmation", upgrades=False),
    shared_database=True,
)
def confirmation_stale(context: CheckContext) -> Iterable[Finding]:
    """After a later confirmation (email, phone, invite, magic link) the verified column is true.
    When an identity is unlinked, the column follows.

    With confirmations on, the default of every hosted project, no user is confirmed at the signup.
    The link in the email, the code in the text message, an accepted invitation, an admin, or a
    GitHub sign-in with the same email sets `email_confirmed_at` or `phone_confirmed_at` later, by
    an UPDATE. A trigger on INSERT does not run then.

    The column must also become false again. When a user unlinks the identity that verified the
    email, they get the email of another identity, and are unconfirmed if no identity verifies it.
    Unlinking the phone removes the number and its confirmation. A column that is only ever set to
    true then shows an unconfirmed email as confirmed.

    Write `new.email_confirmed_at is not null`, not `true`, in an AFTER UPDATE trigger. If the
    column should keep the state of the signup, set `usersync_confirmation = snapshot`.
    """
    if context.policies.confirmation == "snapshot":
        raise NotApplicable("only for usersync_confirmation = sync")
    mirrors = [one for one in remedies.following(context) if one.confirmation]
    if not mirrors:
        raise NotApplicable("no profile column says whether the user is confirmed")
    yield from stale_columns.findings(context, mirrors)
