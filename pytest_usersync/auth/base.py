"""What every group of endpoints stands on."""

from __future__ import annotations

from uuid import UUID

from .channel import Channel
from .lookup import Lookup
from .request_values import email_address, phone_number
from .rows import UserRow
from .settings import AuthSettings
from .steps import Steps
from .user import User


class Endpoints:
    """A group of endpoints of one server."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._lookup = Lookup(steps.channel)

    @property
    def channel(self) -> Channel:
        """The connection, and what the last request sent over it."""
        return self._steps.channel

    @property
    def settings(self) -> AuthSettings:
        """How this server is configured."""
        return self._steps.settings

    def _signed_in(self, user: User | UUID) -> UserRow:
        """Return the row of the user who makes the request."""
        return self._lookup.by_id(user if isinstance(user, UUID) else user.id)


def wanted_email(email: str | None) -> str | None:
    """Return the address as stored, or None for none."""
    return email_address(email) if email else None


def wanted_phone(phone: str | None) -> str | None:
    """Return the number as stored, or None for none."""
    return phone_number(phone) if phone else None
