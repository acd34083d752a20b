"""Users, sessions and tokens as a flow returns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from .request_values import Json


@dataclass(frozen=True, slots=True)
class Token:
    """What an email or a text message carries: the code to type in, and the hash in its link.

    The code is known only to the ``SupabaseAuth`` that sent it; elsewhere it is empty.
    """

    otp: str
    hash: str


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in: a row of ``auth.sessions`` and its current refresh token."""

    id: UUID
    refresh_token: str


@dataclass(frozen=True, slots=True)
class User:
    """A user as the server knows them at the end of a flow.

    ``email`` and ``phone`` are None when absent. ``session`` is the sign-in that this flow made,
    if it made one. The tokens are what was sent and not yet used.
    """

    id: UUID
    email: str | None
    phone: str | None
    role: str
    is_anonymous: bool
    is_sso_user: bool
    email_confirmed_at: datetime | None
    phone_confirmed_at: datetime | None
    invited_at: datetime | None
    last_sign_in_at: datetime | None
    banned_until: datetime | None
    deleted_at: datetime | None
    new_email: str | None
    new_phone: str | None
    app_metadata: Mapping[str, Json] = field(hash=False)
    user_metadata: Mapping[str, Json] = field(hash=False)
    confirmation: Token | None = None
    recovery: Token | None = None
    email_change_current: Token | None = None
    email_change_new: Token | None = None
    phone_change: Token | None = None
    reauthentication: Token | None = None
    session: Session | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the email or the phone number is confirmed."""
        return self.email_confirmed_at is not None or self.phone_confirmed_at is not None
