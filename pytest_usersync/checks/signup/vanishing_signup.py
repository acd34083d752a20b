"""US116: a trigger makes new users disappear."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotJudged
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check(
    "US116",
    level=Level.ERROR,
    needs=Needs.DATABASE,
    cases=("email", "oauth", "admin"),
    shared_database=True,
)
def vanishing_signup(context: CheckContext) -> Iterable[Finding]:
    """No BEFORE trigger makes the new user disappear.

    A BEFORE INSERT trigger that returns NULL cancels the INSERT without an error. A function that
    ends with `return null`, which is right after the INSERT, or that leaves one branch without
    `return new`, does that as soon as it is called before it. Supabase Auth then reads the user it
    has just written, finds nobody, and answers 500 "Database error loading user after sign-up";
    PostgreSQL's log has nothing to say. A trigger that replaces `new.id` has the same effect.

    Write the profile in an AFTER INSERT trigger. To turn somebody away, raise an exception or use
    the before-user-created hook, which gives the app an answer it can show.
    """
    try:
        user = context.sign_up(context.signup)
    except SignupRefused as refusal:
        if not refusal.vanished:
            raise NotJudged(f"{context.signup.title} fails for another reason") from refusal
        yield context.refused(refusal, f"{context.signup.title} fails")
        return
    if context.user(user.id) is None:
        yield Finding(
            summary=f"{context.signup.title} is answered with a user who is not in auth.users",
            sql=context.script + "reset session authorization;\n"
            f"select * from auth.users where id = '{user.id}';",
            remedy="Let the triggers on auth.users leave the new row where it is.",
        )
