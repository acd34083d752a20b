"""A change of a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..auth import AuthSettings, SupabaseAuth, User
from .signups import CONFIRMING

Doing = Callable[[SupabaseAuth, User], User]

EMAIL = frozenset({"email"})
PHONE = frozenset({"phone"})
CONFIRMATION = frozenset({"confirmation"})


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happens to a user after the signup.

    Args:
        name: the case's name in node ids and reports.
        title: the words a sentence uses, ``"a password sign-in"``.
        signup: the name of the signup that it starts from.
        act: what Supabase Auth does for it; returns the user as they are then.
        settings: the server settings under which it is done.
        before: what must happen between the signup and it, under the same settings.
        moves: what of ``email``, ``phone`` and ``confirmation`` is another one afterwards.
        upgrades: whether it makes a permanent user of an anonymous one.
        emailless: whether ``auth.users.email`` is NULL afterwards.
    """

    name: str
    title: str
    signup: str
    act: Doing
    settings: AuthSettings = CONFIRMING
    before: Doing | None = None
    moves: frozenset[str] = frozenset()
    upgrades: bool = False
    emailless: bool = False
