"""US102: nobody can sign up."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotJudged
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused

CASES = ("email", "email-autoconfirm", "email-long")


@check("US102", level=Level.ERROR, needs=Needs.DATABASE, cases=CASES, shared_database=True)
def signup_blocked(context: CheckContext) -> Iterable[Finding]:
    """An ordinary email signup succeeds (the finding names the cause: missing table, permission,
    search path, NOT NULL, enum, …).

    A trigger on `auth.users` runs inside the signup's own transaction, `after insert` too: when it
    fails, the signup fails, and the app shows "Database error saving new user" with status 500.

    What works in the SQL editor may still fail here. Supabase Auth is logged in as
    `supabase_auth_admin`, a role that has no rights on the app's tables and whose `search_path`
    is `auth` alone. A function that is not `security definer` gets 42501, permission denied; a
    function that writes `profiles` instead of `public.profiles` gets 42P01, relation does not
    exist. Both are cured by `security definer set search_path = ''` and by qualified names.

    The finding names the cause; other frequent ones are a table or column that a later migration
    renamed, a required column that the trigger leaves out, a type or an enum value that is
    missing, and a second trigger, on `auth.users` or on the profile table, that fails.

    An address may have 254 characters: Supabase Auth accepts it, and a `varchar(50)` that copies it
    does not.

    A signup that fails only for want of a row that nothing of the user decides, a default role or
    a plan, is not judged: such rows are often inserted by hand or by a seed. Name a SQL file that
    inserts them in `usersync_setup`, or set `usersync_seeds`.
    """
    if context.case == "email-long" and context.sync.blocked:
        raise NotJudged("an email signup fails, whatever the address")
    try:
        context.sign_up(context.signup)
    except SignupRefused as refusal:
        if refusal.vanished:
            raise NotJudged("the new user disappears (US116)") from refusal
        if missing := context.unseeded(refusal):
            raise NotJudged(missing) from refusal
        yield context.refused(refusal, f"{context.signup.title} fails")
