"""US105: users without an email address become ghosts."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import showing
from ...probes import cause_keys
from ...probes.signup.swallowed_errors import swallowed
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import names


@check(
    "US105",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="No profile: {cases}",
    cases=names(emailless=True),
    needs=Needs.PROFILE,
    shared_database=True,
)
def null_email_no_profile(context: CheckContext) -> Iterable[Finding]:
    """Phone, anonymous, web3 and email-less OAuth signups create a profile.

    With a condition such as `if new.email is not null`, or a trigger's `when (new.email <> '')`,
    these users can sign up but get no profile. They can sign in, and every join with the profile
    table loses them. A comparison with NULL is never true, so a list of allowed domains (`new.email
    like '%@example.com'`) silently excludes them as well. An exception handler may also swallow the
    NOT NULL error of a column.

    Write a profile for every user and leave the email NULL. If these users should have no profile,
    set `usersync_null_email = no-profile`.
    """
    if context.policies.null_email != "profile":
        raise NotApplicable("only for usersync_null_email = profile")
    profile = context.sync.profile
    user = context.require_signup(context.signup)
    if context.profiles(profile, user.id) or context.waits_for_confirmation(user.id):
        return
    writers = [t for t in context.sync.triggers if t.name in profile.written_by]
    who = " and ".join(f"{t.name} ({t.function})" for t in writers) or "no trigger"
    said = f"; PostgreSQL sent {context.notices[-1]}" if context.notices else ""
    script = context.shortest(user.id, lambda seen: not seen.profiles(profile, user.id))
    handler = swallowed(context, [t for t in writers if "INSERT" in t.event])
    hidden = handler if handler and handler.error else None
    remedy = "Write a row for every new user: remove the condition. The email may"
    yield Finding(
        summary=f"{context.signup.title} succeeds but leaves no row in {profile.table}; for an"
        f" email signup {who} writes one{said}{hidden.said if hidden else ''}",
        sql=script + showing(profile, user.id),
        remedy=hidden.remedy if hidden else f"{remedy} stay NULL.",
        failure=hidden.error.failure if hidden and hidden.error else None,
        location=context.places.routine(hidden.trigger.function, "when others")
        if hidden
        else context.places.write(profile.table),
        cause=cause_keys.handler(hidden.trigger.function) if hidden else None,
    )
