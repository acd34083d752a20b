"""US104: users without an email address cannot sign up."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import names


@check(
    "US104",
    level=Level.ERROR,
    needs=Needs.SIGNUP,
    cases=names(emailless=True),
    shared_database=True,
)
def null_email_blocked(context: CheckContext) -> Iterable[Finding]:
    """Phone, anonymous, web3 and email-less OAuth signups succeed: one case per flow.

    Supabase Auth writes NULL into `auth.users.email`, never an empty string, for users who sign up
    by phone, anonymously or with a wallet, and for OAuth users who share no address where the
    provider's `email_optional` is set. A profile table whose email is NOT NULL refuses them, and
    with the profile the whole signup: "Database error saving new user", or "Database error
    creating anonymous user". `on conflict do nothing` does not help: a NOT NULL violation is not a
    conflict.

    A function that derives something from the email meets the same users: `split_part(new.email,
    '@', 1)` is NULL for them, and so is every text it is joined to.

    Let the column be NULL. A made-up address (`coalesce(new.email, '')`) only moves the failure to
    the second such user, when the column is unique. If these users are meant to be refused, say so
    with `usersync_null_email = reject`, and turn their providers off.
    """
    if context.policies.null_email == "reject":
        raise NotApplicable("a user without email is meant to be refused")
    try:
        context.sign_up(context.signup)
    except SignupRefused as refusal:
        yield context.refused(refusal, f"{context.signup.title} fails")
