"""US116: a trigger makes new users disappear."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotJudged
from ...probes import cause_keys
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check(
    "US116",
    level=Level.ERROR,
    symptom="Signup fails: the new user disappears",
    cause=cause_keys.BEFORE_INSERT,
    needs=Needs.DATABASE,
    cases=("email", "oauth", "admin"),
    shared_database=True,
)
def vanishing_signup(context: CheckContext) -> Iterable[Finding]:
    """No BEFORE trigger makes the new user disappear.

    A BEFORE INSERT trigger that returns NULL cancels the INSERT without an error. This happens if
    the function ends with `return null`, which is correct only in an AFTER trigger, or if one
    branch has no `return new`. Supabase Auth then reads the user it has just written, finds no row,
    and answers 500 "Database error loading user after sign-up". PostgreSQL's log has no entry. A
    trigger that replaces `new.id` has the same effect.

    Write the profile in an AFTER INSERT trigger. To refuse a signup, raise an exception or use the
    before-user-created hook, which gives the app an answer it can show.
    """
    try:
        user = context.sign_up(context.signup)
    except SignupRefused as refusal:
        if not refusal.vanished:
            raise NotJudged(f"{context.signup.title} fails for another reason (US102)") from refusal
        yield context.refused(refusal, f"{context.signup.title} fails")
        return
    if context.user(user.id) is None:
        yield Finding(
            summary=f"{context.signup.title} succeeds, but the user is not in auth.users",
            sql=context.script + "reset session authorization;\n"
            f"select * from auth.users where id = '{user.id}';",
            remedy="Do not delete, cancel or replace the new row in the triggers on auth.users.",
            location=context.places.writer(),
        )
