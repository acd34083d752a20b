"""Rows while a flow works on them, named and valued as their columns are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias, cast
from uuid import UUID

from .request_values import Json, jsonb

if TYPE_CHECKING:
    from .statements import Statement

NOBODY = UUID(int=0)

# Every INSERT into auth.users has these, in this order; measured, as is every value below.
USER_COLUMNS = (
    "aud",
    "banned_until",
    "confirmation_sent_at",
    "confirmation_token",
    "created_at",
    "deleted_at",
    "email",
    "email_change",
    "email_change_confirm_status",
    "email_change_sent_at",
    "email_change_token_current",
    "email_change_token_new",
    "email_confirmed_at",
    "encrypted_password",
    "id",
    "instance_id",
    "invited_at",
    "is_anonymous",
    "is_sso_user",
    "last_sign_in_at",
    "phone",
    "phone_change",
    "phone_change_sent_at",
    "phone_change_token",
    "phone_confirmed_at",
    "raw_app_meta_data",
    "raw_user_meta_data",
    "reauthentication_sent_at",
    "reauthentication_token",
    "recovery_sent_at",
    "recovery_token",
    "role",
    "updated_at",
)
IDENTITY_COLUMNS = (
    "created_at",
    "id",
    "identity_data",
    "last_sign_in_at",
    "provider",
    "provider_id",
    "updated_at",
    "user_id",
)
_METADATA = ("raw_app_meta_data", "raw_user_meta_data")
_JSON_COLUMNS = (*_METADATA, "identity_data")
_UNSET: datetime = cast(datetime, None)

Metadata: TypeAlias = dict[str, Json]


@dataclass(slots=True)
class IdentityRow:
    """A row of ``auth.identities``."""

    id: UUID
    user_id: UUID
    provider: str
    provider_id: str
    identity_data: Metadata
    last_sign_in_at: datetime | None = None
    created_at: datetime = _UNSET
    updated_at: datetime = _UNSET

    @property
    def email(self) -> str:
        """The address in the data, lower case, as the generated column has it; or ''."""
        email = self.identity_data.get("email")
        return email.lower() if isinstance(email, str) else ""

    @property
    def verified(self) -> bool:
        """Whether the data says that the email is verified."""
        return self.identity_data.get("email_verified") is True


@dataclass(slots=True)
class UserRow:
    """A row of ``auth.users``; ``identities`` is None until somebody has looked."""

    id: UUID
    aud: str = "authenticated"
    role: str = ""
    email: str | None = None
    phone: str | None = None
    encrypted_password: str | None = ""
    raw_app_meta_data: Metadata | None = field(default_factory=dict)
    raw_user_meta_data: Metadata | None = field(default_factory=dict)
    is_anonymous: bool = False
    is_sso_user: bool = False
    instance_id: UUID = NOBODY
    email_confirmed_at: datetime | None = None
    phone_confirmed_at: datetime | None = None
    invited_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    banned_until: datetime | None = None
    deleted_at: datetime | None = None
    confirmation_token: str = ""
    confirmation_sent_at: datetime | None = None
    recovery_token: str = ""
    recovery_sent_at: datetime | None = None
    email_change: str = ""
    email_change_token_new: str = ""
    email_change_token_current: str = ""
    email_change_sent_at: datetime | None = None
    email_change_confirm_status: int = 0
    phone_change: str = ""
    phone_change_token: str = ""
    phone_change_sent_at: datetime | None = None
    reauthentication_token: str = ""
    reauthentication_sent_at: datetime | None = None
    created_at: datetime = _UNSET
    updated_at: datetime = _UNSET
    identities: list[IdentityRow] | None = None

    def refresh(
        self, found: Mapping[str, object], written: tuple[object, ...] | None = None
    ) -> None:
        """Take over the row that the database holds.

        Metadata is taken over key by key into the same object, as the server does: what a
        trigger added is there afterwards, what it removed stays.

        Args:
            written: the ``state`` that was read; what has been set since stays.
        """
        known = {column: getattr(self, column) for column in _METADATA}
        since = _since(self, written) if written else ()
        for column, value in found.items():
            if column not in since:
                setattr(self, column, value)
        for column, before in known.items():
            metadata = {} if before is None else before
            if isinstance(now := getattr(self, column), dict):
                metadata.update(now)
            setattr(self, column, metadata)


state = attrgetter(*USER_COLUMNS)


def _since(row: UserRow, written: tuple[object, ...]) -> set[str]:
    """Return the columns that have been set since the row was in this state."""
    pairs = zip(USER_COLUMNS, state(row), written, strict=True)
    return {column for column, now, before in pairs if now is not before}


@cache
def _reader(
    statement: Statement,
) -> tuple[Callable[[UserRow | IdentityRow], tuple[object, ...]], tuple[int, ...]]:
    """Return what reads a statement's columns off a row, and which of them are JSON."""
    columns = statement.columns  # Always several: no statement leaves updated_at out.
    json_at = tuple(at for at, column in enumerate(columns) if column in _JSON_COLUMNS)
    return attrgetter(*columns), json_at


def values(statement: Statement, row: UserRow | IdentityRow) -> list[object]:
    """Return the row's values for the columns that the statement writes."""
    read, json_at = _reader(statement)
    picked = list(read(row))
    for at in json_at:
        picked[at] = jsonb(cast(Json, picked[at]))
    return picked
