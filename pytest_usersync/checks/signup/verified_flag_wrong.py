"""US113: the profile takes a confirmed user for an unconfirmed one, or the reverse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import showing
from ...model.sync import Mirror, same
from ...probes import cause_keys, remedies
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import names


@check(
    "US113",
    level=Level.ERROR,
    severity=Severity.WRONG_DATA,
    symptom="Wrong data: the verified column is wrong after a signup",
    cause=cause_keys.FOLLOWING,
    needs=Needs.PROFILE,
    cases=names(),
    shared_database=True,
)
def verified_flag_wrong(context: CheckContext) -> Iterable[Finding]:
    """A confirmed or verified column agrees with `auth.users` when the signup's transaction commits
    (autoconfirm, OAuth, SAML, created by an admin).

    No INSERT of Supabase Auth carries a confirmation. A user who is confirmed from the start
    (confirmations turned off, as in local development; Google, Apple, SAML; created as confirmed by
    an admin) is inserted with `email_confirmed_at` NULL, and an UPDATE of the same transaction
    confirms them. So `new.email_confirmed_at is not null` in an AFTER INSERT trigger is false for
    every user, and nothing corrects it later. Tests that insert confirmed users by hand do not see
    this. Do not use `raw_user_meta_data ->> 'email_verified'`: users can write it.

    Add an `after update of email_confirmed_at` trigger, or read the flag from `auth.users` through
    a view instead of storing a copy.
    """
    flags = [mirror for mirror in context.sync.mirrors if mirror.confirmation]
    if not flags:
        raise NotApplicable("no profile column says whether the user is confirmed")
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
            summary=f"after {context.signup.title}, {mirror.table}.{mirror.column} is {wrong}"
            f" although the user {state}",
            sql=script + showing(context.target(mirror), user_id, ", ".join(mirror.sources)),
            remedy=remedies.follow(context, [mirror]),
            location=context.places.write(mirror.table, mirror.column),
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
