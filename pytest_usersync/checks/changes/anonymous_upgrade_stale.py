"""US204: the profile takes a user who became permanent for an anonymous one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import quoted, showing
from ...model.sync import Mirror
from ...probes import cause_keys, remedies
from ...probes.lifecycle import stale_columns
from ...runner import lifecycle
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME, Change, names


@check(
    "US204",
    level=Level.ERROR,
    symptom="Wrong data: the profile of an anonymous user who becomes permanent",
    cause=cause_keys.FOLLOWING,
    needs=Needs.PROFILE,
    cases=names(upgrades=True),
    shared_database=True,
)
def anonymous_upgrade_stale(context: CheckContext) -> Iterable[Finding]:
    """When an anonymous user becomes permanent, by email or by a linked identity, the profile gets
    the email and the flags.

    An anonymous user is a row of `auth.users` with `is_anonymous` true and no email or phone. When
    this user adds an email, a phone number or a GitHub account, Supabase Auth keeps the row and the
    id. There is no second INSERT, so a trigger on INSERT never sees the new data. The profile stays
    without a name, and an app that hides features from guests hides them forever.

    Supabase Auth upgrades the user in several UPDATEs of one transaction. By email, `is_anonymous`
    becomes false while `email` is still NULL. By a linked identity, `email` comes first and
    `is_anonymous` last. A trigger that waits for one of them and then copies the others copies old
    values.

    Follow all of these columns in an AFTER UPDATE trigger. If a user without email has no profile
    (`usersync_null_email = no-profile`), the upgrade must create it.
    """
    change = BY_NAME[context.case]
    if context.policies.null_email == "no-profile":
        yield from _late(context, change)
        return
    mirrors = [one for one in remedies.following(context) if _binding(context, one)]
    if not mirrors:
        raise NotApplicable("no profile column copies is_anonymous, email or phone")
    yield from stale_columns.findings(context, mirrors)


def _binding(context: CheckContext, mirror: Mirror) -> bool:
    if mirror.confirmation:
        return context.policies.confirmation == "sync"
    return context.policies.email_change == "sync" or mirror.sources == ("is_anonymous",)


def _late(context: CheckContext, change: Change) -> Iterable[Finding]:
    """Judge whether the profile comes with the address."""
    if change.emailless:
        raise NotApplicable("a user without email has no profile: usersync_null_email = no-profile")
    user = lifecycle.require_signup(context, change)
    lifecycle.require_applied(context, change, user)
    if context.profiles(context.sync.profile, user.id):
        return
    script = context.shortest(user.id, partial(_missing, user_id=user.id))
    yield Finding(
        summary=f"after {change.title}, the user has an email but no row in"
        f" {context.sync.profile.table}",
        sql=script + showing(context.sync.profile, user.id, "email, is_anonymous"),
        remedy=_remedy(context),
        location=context.places.trigger(context.sync.profile),
    )


def _missing(context: CheckContext, user_id: UUID) -> bool:
    return not context.profiles(context.sync.profile, user_id)


def _remedy(context: CheckContext) -> str:
    written_by = context.sync.profile.written_by
    writer = next(one for one in context.sync.triggers if one.name in written_by)
    return f"""\
create or replace trigger {quoted(f"{writer.name}_later")}
    after update on auth.users
    for each row
    when (old.email is null and new.email is not null and new.deleted_at is null)
    execute function {writer.function}();
"""
