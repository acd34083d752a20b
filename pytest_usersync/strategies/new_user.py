"""Somebody about to sign up, and how they do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol

from ..auth import Json, SupabaseAuth, User
from ..model.errors import UserSyncError
from ..scenarios.signup_kinds import KINDS, SignupData


class Printer(Protocol):
    """What Hypothesis prints an example with; it would print every field of a dataclass."""

    def text(self, obj: str) -> None:
        """Print some text."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody about to sign up.

    Args:
        kind: how, by the name that findings use: ``email``, ``phone``, ``oauth``, …
        email: the address; None where the kind has none.
        phone: the number; None where the kind has none.
        data: the metadata of the signup form; for an OAuth kind what the provider tells (``name``,
            ``avatar_url``, ``username``), for ``sso`` the attributes of the assertion.
    """

    kind: str
    email: str | None = None
    phone: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserSyncError(f"{self.kind!r} is not a signup. Use one of {', '.join(KINDS)}.")

    def __repr__(self) -> str:
        values = {each.name: getattr(self, each.name) for each in fields(self)[1:]}
        given = [f"{name}={value!r}" for name, value in values.items() if value]
        return f"NewUser({', '.join([repr(self.kind), *given])})"

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:  # noqa: FBT001
        printer.text("NewUser(...)" if cycle else repr(self))

    @property
    def provider(self) -> str:
        """What vouches for them, one of ``providers()``."""
        return KINDS[self.kind].provider

    @property
    def emailless(self) -> bool:
        """Whether ``auth.users.email`` is NULL after this signup."""
        return self.email is None

    def act(self, auth: SupabaseAuth) -> User:
        """Sign up, on a server that is set up as this kind needs it; raises AuthError."""
        kind = KINDS[self.kind]
        data = SignupData(self.email, self.phone, self.data)
        return kind.act(auth.under(kind.setting_up(auth.settings)), data)
