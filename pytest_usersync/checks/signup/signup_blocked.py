"""US102: nobody can sign up."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotJudged
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused

CASES = ("email", "email-autoconfirm", "email-long")


@check(
    "US102",
    level=Level.ERROR,
    symptom="Signup fails: {cases}",
    needs=Needs.DATABASE,
    cases=CASES,
    shared_database=True,
)
def signup_blocked(context: CheckContext) -> Iterable[Finding]:
    """An ordinary email signup succeeds. If it fails, the finding names the cause: missing table,
    permission, search path, NOT NULL, enum and others.

    A trigger on `auth.users` runs inside the signup's transaction, also `after insert`. If the
    trigger fails, the signup fails, and the app shows "Database error saving new user" with status
    500.

    SQL that works in the SQL editor may still fail here. Supabase Auth is logged in as
    `supabase_auth_admin`. This role has no rights on the app's tables, and its `search_path` is
    `auth` only. A function that is not `security definer` fails with 42501, permission denied. A
    function that writes `profiles` instead of `public.profiles` fails with 42P01, relation does not
    exist. `security definer set search_path = ''` and qualified names correct both.

    Other frequent causes: a later migration renamed a table or a column; the trigger leaves out a
    required column; a type or an enum value is missing; a second trigger, on `auth.users` or on the
    profile table, fails.

    An email may have 254 characters: Supabase Auth accepts it, but a `varchar(50)` does not.

    The check does not judge a signup that fails only because a row is missing that does not depend
    on the user, such as a default role or a plan. Such rows are often inserted by hand or by a
    seed. Name a SQL file that inserts them in `usersync_setup`, or set `usersync_seeds`.
    """
    if context.case == "email-long" and context.sync.blocked:
        raise NotJudged("an ordinary email signup already fails")
    try:
        context.sign_up(context.signup)
    except SignupRefused as refusal:
        if refusal.vanished:
            raise NotJudged("the new user disappears (US116)") from refusal
        if missing := context.unseeded(refusal):
            raise NotJudged(missing) from refusal
        yield context.refused(refusal, f"{context.signup.title} fails")
