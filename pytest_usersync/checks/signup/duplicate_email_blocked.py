"""US106: two users of one address get in each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from ...model.finding import Finding, Level, NotJudged
from ...probes.signup.collisions import collision
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME, Signup


def _sso(number: int) -> Signup:
    """Return a first sign-in through an identity provider of its own."""
    return Signup(
        "sso",
        BY_NAME["sso"].title,
        lambda auth, person: auth.sign_in_with_sso(person.email, provider=UUID(int=number)),
    )


EARLIER = {"sso-after-password": BY_NAME["email-autoconfirm"], "two-sso": _sso(1)}


@check(
    "US106",
    level=Level.ERROR,
    symptom="Signup fails: single sign-on, when another user has the same email",
    needs=Needs.PROFILE,
    cases=tuple(EARLIER),
    shared_database=True,
)
def duplicate_email_blocked(context: CheckContext) -> Iterable[Finding]:
    """An SSO user can sign up with the same email as a password user, or as another SSO user.

    An email is not unique in `auth.users`: its only unique index leaves SSO users out
    (`users_email_partial_key … where is_sso_user = false`). A user with a password who signs in
    through the company's SAML provider becomes a second user with a second id and the same email.
    Each identity provider adds another user. Supabase Auth never links them.

    A profile table with `email unique` refuses all of them except the first: 23505, "Database error
    saving new user". A bare `on conflict do nothing` makes the second one a ghost user. `on
    conflict (email) do update set id = …` takes the profile away from the first one.

    Drop the unique constraint. Identify users by id.
    """
    earlier, later = EARLIER[context.case], _sso(2)
    person = context.person()
    try:
        found = collision(
            context,
            (earlier, person),
            (later, replace(context.person(), email=person.email)),
            "an SSO user with the same email as another user",
        )
    except SignupRefused as refusal:
        code = "US107" if context.case == "two-sso" else "US102"
        raise NotJudged(f"{earlier.title} fails ({code})") from refusal
    if found:
        context.with_profile(BY_NAME["sso"])  # else it is not the address that matters
        # `on conflict (email) do nothing` would only make a ghost of them.
        yield replace(found, remedy=found.remedy.partition("\n-- or")[0])
