"""US204: the profile takes a user who became permanent for an anonymous one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import quoted, showing
from ...model.sync import Mirror
from ...probes import remedies
from ...probes.lifecycle import stale_columns
from ...runner import lifecycle
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME, Change, names


@check(
    "US204",
    level=Level.ERROR,
    needs=Needs.PROFILE,
    cases=names(upgrades=True),
    shared_database=True,
)
def anonymous_upgrade_stale(context: CheckContext) -> Iterable[Finding]:
    """An anonymous user who becomes permanent gets email and flags, by email and by linked
    identity.

    An anonymous user is a row of `auth.users` like any other, with `is_anonymous` true and neither
    address nor number. Whoever then gives an address, a number or an account at GitHub keeps the
    row and the id: there is no second INSERT, so a trigger on INSERT never learns who they are. The
    profile stays nameless, and an app that hides things from guests hides them for ever.

    Supabase Auth does it in several UPDATEs of one transaction. By email, `is_anonymous` is false
    while `email` is still NULL; by a linked identity `email` comes first and `is_anonymous` last. A
    trigger that waits for one of them and then copies the others copies what is about to change.

    Let an AFTER UPDATE trigger follow every one of the columns. Where a user without email is meant
    to have no profile (`usersync_null_email = no-profile`), it is the upgrade that has to bring it.
    """
    change = BY_NAME[context.case]
    if context.policies.null_email == "no-profile":
        yield from _late(context, change)
        return
    mirrors = [one for one in remedies.following(context) if _binding(context, one)]
    if not mirrors:
        raise NotApplicable("no column of the profile tells guests from others, or has an address")
    yield from stale_columns.findings(context, mirrors)


def _binding(context: CheckContext, mirror: Mirror) -> bool:
    if mirror.confirmation:
        return context.policies.confirmation == "sync"
    return context.policies.email_change == "sync" or mirror.sources == ("is_anonymous",)


def _late(context: CheckContext, change: Change) -> Iterable[Finding]:
    """Judge whether the profile comes with the address."""
    if change.emailless:
        raise NotApplicable("a user without email is meant to have no profile")
    user = lifecycle.require_signup(context, change)
    lifecycle.require_applied(context, change, user)
    if context.profiles(context.sync.profile, user.id):
        return
    script = context.shortest(user.id, partial(_missing, user_id=user.id))
    yield Finding(
        summary=f"{change.title} leaves no row in {context.sync.profile.table}, and the user has an"
        " email now",
        sql=script + showing(context.sync.profile, user.id, "email, is_anonymous"),
        remedy=_remedy(context),
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
