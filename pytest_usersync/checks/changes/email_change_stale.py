"""US201: the profile keeps the address that the user had before."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...probes import cause_keys, remedies
from ...probes.lifecycle import stale_columns
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import names


@check(
    "US201",
    level=Level.ERROR,
    symptom="Wrong data: a changed email stays old",
    cause=cause_keys.FOLLOWING,
    needs=Needs.PROFILE,
    cases=(*names("email", upgrades=False), "email-change-requested"),
    shared_database=True,
)
def email_change_stale(context: CheckContext) -> Iterable[Finding]:
    """After an email change, the profile has the new email.

    Most projects have only an AFTER INSERT trigger: the profile is written at the signup and never
    updated. After the first email change, the app shows the old email, writes to it and searches by
    it. By then it may belong to another user.

    An email changes in several ways. The user requests the change and confirms it, from both
    mailboxes or from one. An admin changes it at once. A linked identity brings the first email.
    Unlinking an identity replaces the email by that of another identity, or by NULL. All of them
    end in one UPDATE of `auth.users.email`. Until the change is confirmed, the new email is in
    `auth.users.email_change`: do not copy it. `raw_user_meta_data ->> 'email'` keeps the old email
    forever.

    Follow the column in an AFTER UPDATE trigger, or read the email from `auth.users` when you need
    it. If the profile should keep the email of the signup, set `usersync_email_change = snapshot`.
    """
    if context.policies.email_change == "snapshot":
        raise NotApplicable("only for usersync_email_change = sync")
    mirrors = [one for one in remedies.following(context) if one.sources == ("email",)]
    if not mirrors:
        raise NotApplicable("no profile column copies auth.users.email")
    yield from stale_columns.findings(context, mirrors)
