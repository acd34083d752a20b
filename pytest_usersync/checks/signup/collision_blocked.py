"""US108: two users want the same name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...auth.request_values import dumps
from ...model.finding import Finding, Level, NotJudged
from ...probes.signup.collisions import collision
from ...probes.signup.similar_signups import SimilarPair, colliding_pairs
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME


@check(
    "US108",
    level=Level.WARNING,
    symptom="Signup fails: when another user has the same name or metadata",
    needs=Needs.PROFILE,
    cases=("metadata", "local-part"),
)
def collision_blocked(context: CheckContext) -> Iterable[Finding]:
    """Two users with the same name, username or other metadata value can both sign up.

    If a username is unique, the second signup that asks for it fails with "Database error saving
    new user". The user cannot see why. The same happens with derived values: a handle made from the
    name, or from the part of the email before the @, when ada@example.com and ada@example.org are
    two users. It also happens with a default value, when two users send no metadata.

    Search for a free value in the function: append a number in a loop, or a part of the id. Or
    leave the column NULL and let the app ask after the signup, when it can show what is wrong.
    """
    signup = BY_NAME["email-autoconfirm"]
    pairs = colliding_pairs(context.connect(), context.sync, context.case)
    if any(pair.taken for pair in pairs):  # by a case before this one, or by a migration's users
        context = context.fresh_context()
        pairs = colliding_pairs(context.connect(), context.sync, context.case)
    for pair in pairs:
        people = [replace(context.person(), data=one) for one in pair.metadata]
        if context.case == "local-part":
            local, _, domain = people[0].email.partition("@")
            people[1] = replace(people[1], email=f"{local}@another.{domain}")
        try:
            found = collision(
                context,
                (signup, people[0]),
                (signup, people[1]),
                f"a second user {_what(context, pair)}",
            )
        except SignupRefused as refusal:
            if not pair.taken:
                raise NotJudged(f"{signup.title} fails (US107)") from refusal
            found = context.refused(refusal, f"a second user {_what(context, pair)} cannot sign up")
        if found:
            yield replace(found, remedy=_remedy(found))


def _what(context: CheckContext, pair: SimilarPair) -> str:
    if context.case == "local-part":
        return "whose email differs from the first only after the @"
    if not pair.key:
        return "who sends no metadata either"
    return f"with the same {pair.key}, {dumps(pair.metadata[1][pair.key])},"


def _remedy(found: Finding) -> str:
    free = "try other values in the function until one is free: append a number, or part of new.id"
    if found.failure is None or found.failure.sqlstate != "23505":
        return f"{found.remedy}\n-- or {free}"
    dropped, _, _ = found.remedy.partition("\n-- or")
    return f"{dropped}\n-- or, to keep it unique, {free}"
