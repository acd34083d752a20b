"""Users without a profile: signed up by Supabase Auth while the project's triggers are off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from .quoting import quoted
from .signups import BY_NAME, Signup
from .sync import Target
from .trial import Trial
from .upkeep import ghosts

ORDINARY = BY_NAME["email-autoconfirm"]

_TRIGGERS = """
    select
        t.tgname as name,
        case t.tgenabled when 'A' then 'enable always' when 'R' then 'enable replica'
            else 'enable' end as again
    from pg_catalog.pg_trigger as t
    where t.tgrelid = 'auth.users'::regclass and not t.tgisinternal and t.tgenabled <> 'D'
    order by t.tgname
"""


@contextmanager
def unsynced(trial: Trial) -> Iterator[None]:
    """Keep the project's triggers on ``auth.users`` off meanwhile; then they are as they were."""
    found = trial.query(_TRIGGERS)
    off = ", ".join(f"disable trigger {quoted(one['name'])}" for one in found)
    on = ", ".join(f"{one['again']} trigger {quoted(one['name'])}" for one in found)
    if off:
        trial.execute(f"alter table auth.users {off}")
    try:
        yield
    finally:
        if on:
            trial.execute(f"alter table auth.users {on}")


def ghost(trial: Trial, signup: Signup = ORDINARY) -> UUID:
    """Return a new user of whom the project's triggers know nothing; raise ``Refused``."""
    with unsynced(trial):
        return trial.sign_up(signup).id


def without_profile(trial: Trial, target: Target | None = None) -> list[UUID]:
    """Return the users who have no row in the table (default: the profile table)."""
    found = trial.query(ghosts(target or trial.sync.profile).as_string(None))
    return [row["id"] for row in found]
