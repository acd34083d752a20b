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
    symptom="Signup fails: {cases}",
    needs=Needs.SIGNUP,
    cases=names(emailless=True),
    shared_database=True,
)
def null_email_blocked(context: CheckContext) -> Iterable[Finding]:
    """Phone, anonymous, web3 and email-less OAuth signups succeed: one case for each kind.

    Supabase Auth writes NULL into `auth.users.email`, never an empty string, for users who sign up
    by phone, anonymously or with a wallet, and for OAuth users without an email if the provider's
    `email_optional` is set. If the profile's email is NOT NULL, the profile fails and the whole
    signup fails with it: "Database error saving new user", or "Database error creating anonymous
    user". `on conflict do nothing` does not help: a NOT NULL violation is not a conflict.

    A value derived from the email has the same problem: `split_part(new.email, '@', 1)` is NULL for
    these users, and so is every text that it is joined to.

    Let the column be NULL. With a unique column, an invented email (`coalesce(new.email, '')`) only
    moves the failure to the second such user. If you want to refuse these users, set
    `usersync_null_email = reject`, and turn their providers off.
    """
    if context.policies.null_email == "reject":
        raise NotApplicable("only for usersync_null_email = profile or no-profile")
    try:
        context.sign_up(context.signup)
    except SignupRefused as refusal:
        yield context.refused(refusal, f"{context.signup.title} fails")
