"""Every kind of UPDATE that Supabase Auth makes to a user, by the name that a finding uses."""

from __future__ import annotations

from .account_changes import ADMINISTERED, OWN
from .actions import new_email, new_phone
from .address_changes import ADDRESSES, IDENTITIES, UPGRADES
from .change import Change, Doing
from .sign_ins import CONFIRMING, SIGNING_IN

__all__ = ["BY_NAME", "CHANGES", "Change", "Doing", "names", "new_email", "new_phone"]

CHANGES: tuple[Change, ...] = (
    *SIGNING_IN,
    *CONFIRMING,
    *ADDRESSES,
    *IDENTITIES,
    *UPGRADES,
    *OWN,
    *ADMINISTERED,
)

BY_NAME = {change.name: change for change in CHANGES}


def names(moving: str = "", *, upgrades: bool | None = None) -> tuple[str, ...]:
    """Return the names of all changes, or only of some.

    Args:
        moving: only those that move ``email``, ``phone`` or ``confirmation``.
        upgrades: only those that do, or do not, make an anonymous user permanent.
    """
    return tuple(
        change.name
        for change in CHANGES
        if (not moving or moving in change.moves)
        and (upgrades is None or change.upgrades is upgrades)
    )
