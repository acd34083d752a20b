"""US105: users without an email address become ghosts."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import showing
from ...probes.signup.swallowed_errors import swallowed
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import names


@check(
    "US105",
    level=Level.ERROR,
    cases=names(emailless=True),
    needs=Needs.PROFILE,
    shared_database=True,
)
def null_email_no_profile(context: CheckContext) -> Iterable[Finding]:
    """Phone, anonymous, web3 and email-less OAuth signups leave a profile.

    A condition such as `if new.email is not null` or a trigger's `when (new.email <> '')` lets
    these users sign up and gives them no profile: they can sign in, and every join with the
    profile table loses them. A comparison with NULL is never true, so an allowlist of domains
    (`new.email like '%@example.com'`) leaves them out as well, silently. And a handler may swallow
    the error of a column that must not be NULL.

    Write the profile for every user and leave the email NULL. If these users are meant to have
    none, say so with `usersync_null_email = no-profile`.
    """
    if context.policies.null_email != "profile":
        raise NotApplicable(f"usersync_null_email = {context.policies.null_email}")
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
    remedy = "Let the function and the trigger's WHEN write a row for every new user; the email may"
    yield Finding(
        summary=f"{context.signup.title} succeeds and leaves no row in {profile.table}, which"
        f" {who} writes for an email signup{said}{hidden.said if hidden else ''}",
        sql=script + showing(profile, user.id),
        remedy=hidden.remedy if hidden else f"{remedy} stay NULL.",
        failure=hidden.error.failure if hidden and hidden.error else None,
        location=writers[0].function_location if writers else None,
    )
