"""US113: the profile takes a confirmed user for an unconfirmed one, or the reverse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import showing
from ...model.sync import Mirror, same
from ...probes import remedies
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import names


@check("US113", level=Level.ERROR, needs=Needs.PROFILE, cases=names(), shared_database=True)
def verified_flag_wrong(context: CheckContext) -> Iterable[Finding]:
    """A confirmed/verified column agrees with `auth.users` when the signing-up transaction commits
    (autoconfirm, OAuth, SAML, admin create).

    No INSERT of Supabase Auth ever carries a confirmation. A user who is confirmed from the start
    (confirmations turned off, as in local development; Google, Apple, SAML; created as confirmed
    by an admin) is inserted with `email_confirmed_at` NULL and confirmed by an UPDATE of the same
    transaction. So `new.email_confirmed_at is not null` in an AFTER INSERT trigger is false for
    every user there is, and nothing ever mends it. Tests that insert confirmed users by hand do
    not see this. `raw_user_meta_data ->> 'email_verified'` is no way out: users can write it.

    Let an `after update of email_confirmed_at` trigger follow, or read the flag from `auth.users`
    through a view instead of keeping a copy.
    """
    flags = [mirror for mirror in context.sync.mirrors if mirror.confirmation]
    if not flags:
        raise NotApplicable("no column of the profile tells whether the user is confirmed")
    user = context.with_profile(context.signup)
    with context.cached_reads():
        yield from _findings(context, user.id, flags)


def _findings(context: CheckContext, user_id: UUID, flags: Sequence[Mirror]) -> Iterator[Finding]:
    for mirror in flags:
        if not (wrong := _wrong(context, mirror, user_id)):
            continue
        confirmed = _confirmed(context, mirror, user_id)
        source = " or ".join(mirror.sources)
        state = f"is confirmed ({source} is set)" if confirmed else "is not confirmed"
        script = context.shortest(user_id, partial(_same, mirror, user_id, confirmed))
        yield Finding(
            summary=f"{context.signup.title} leaves {wrong} in {mirror.table}.{mirror.column},"
            f" and the user {state}",
            sql=script + showing(context.target(mirror), user_id, ", ".join(mirror.sources)),
            remedy=remedies.follow(context, [mirror]),
        )


def _same(mirror: Mirror, user_id: UUID, confirmed: object, context: CheckContext) -> bool:
    wrong = bool(_wrong(context, mirror, user_id))
    return wrong and _confirmed(context, mirror, user_id) is confirmed


def _confirmed(context: CheckContext, mirror: Mirror, user_id: UUID) -> bool:
    row = context.user(user_id) or {}
    return any(row.get(name) is not None for name in mirror.sources)


def _wrong(context: CheckContext, mirror: Mirror, user_id: UUID) -> str:
    """Return what the column says, if no row of the user says what auth.users says."""
    row = context.user(user_id) or {}
    confirmed = _confirmed(context, mirror, user_id)
    said = [profile[mirror.column] for profile in context.profiles(context.target(mirror), user_id)]
    right = [
        bool(value) is confirmed if mirror.flag else same(value, row.get(mirror.sources[0]))
        for value in said
    ]
    return _word(said[0]) if said and not any(right) else ""


def _word(value: object) -> str:
    return "NULL" if value is None else str(value).lower()
