"""Two people who sign up one after the other, and what the second does to the first."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from ...auth import User
from ...model.finding import Finding
from ...model.quoting import named, quoted, showing
from ...model.sync import Target
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import Person, Signup

NewUser = tuple[Signup, Person]

_ROW = """
    select
        format(
            'insert into auth.users (id, email, is_sso_user, raw_user_meta_data, created_at)'
            || E'\\nvalues (%%L, %%L, %%L, %%L, now() - interval ''1 day'');\\n',
            id, email, is_sso_user, raw_user_meta_data
        ) as text
    from auth.users
    where id = %s
"""


def collision(context: CheckContext, first: NewUser, second: NewUser, title: str) -> Finding | None:
    """Return what is broken when two people sign up: the second is refused, or one has no profile.

    Both must get one when nobody came before them; that is the caller's to know.

    Args:
        title: who the second is, to begin a sentence with.

    Raises:
        Refused: the first one cannot sign up.
    """
    earlier = context.sign_up(*first)
    setup = context.query(_ROW, [earlier.id])[0]["text"]
    if _waits(context) and earlier.confirmed:
        setup += f"update auth.users set email_confirmed_at = now() where id = '{earlier.id}';\n"
    try:
        later = context.sign_up(*second)
    except SignupRefused as refusal:
        again = SignupRefused(refusal.error, setup + refusal.script, refusal.sent, setup)
        return context.refused(again, f"{title} cannot sign up")
    return _lost(context, earlier, later, setup, title)


def _lost(
    context: CheckContext, earlier: User, later: User, setup: str, title: str
) -> Finding | None:
    profile = context.sync.profile
    for user, what in ((later, "has no row in"), (earlier, "takes the first user's row in")):
        if not context.profiles(profile, user.id):
            script = context.shortest(later.id, partial(_gone, user.id), setup)
            return Finding(
                summary=f"{title} can sign up but {what} {profile.table}",
                sql=script + showing(profile, user.id),
                remedy=_every_row(profile),
                location=context.places.write(profile.table),
            )
    return None


def _waits(context: CheckContext) -> bool:
    """Tell whether the profile comes with an UPDATE, the confirmation's, and not before."""
    sync = context.sync
    events = [one.event for one in sync.triggers if one.name in sync.profile.written_by]
    return bool(events) and all("INSERT" not in event for event in events)


def _gone(user_id: UUID, seen: CheckContext) -> bool:
    return not seen.profiles(seen.sync.profile, user_id)


def _every_row(profile: Target) -> str:
    key = quoted(profile.key)
    return (
        f"-- let the insert into {named(profile.table)} skip only a row of the same user:\n"
        f"on conflict ({key}) do nothing\n"
        "-- and drop the unique constraint on values that two users may share, or write another"
        " value"
    )
