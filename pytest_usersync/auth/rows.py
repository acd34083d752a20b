"""Rows while a flow works on them, named and valued as their columns are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TypeAlias, cast
from uuid import UUID

from .request_values import Json, jsonb
from .source import Source
from .statements import Statement

NIL_UUID = UUID(int=0)

_METADATA = ("raw_app_meta_data", "raw_user_meta_data")
_JSON_COLUMNS = (*_METADATA, "identity_data")
# The columns of a new email user that are neither NULL nor left to the default of the table; the
# two flags have a default, which a copy of the table lacks.
_GIVEN = (
    *("instance_id", "id", "aud", "role", "email", "encrypted_password", "confirmation_token"),
    *("recovery_token", "email_change_token_new", "email_change", "raw_app_meta_data"),
    *("raw_user_meta_data", "created_at", "updated_at", "is_sso_user", "is_anonymous"),
)
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
    instance_id: UUID = NIL_UUID
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


# Every INSERT has these columns, in alphabetical order; measured, as is every value.
USER_COLUMNS = (*sorted({column.name for column in fields(UserRow)} - {"identities"}),)
IDENTITY_COLUMNS = (*sorted(column.name for column in fields(IdentityRow)),)
TOKEN_COLUMNS = tuple(
    column for column in USER_COLUMNS if column.endswith("_sent_at") or "_token" in column
)

state = attrgetter(*USER_COLUMNS)


def signup_row(
    source: Source,
    provider: str,
    metadata: Metadata,
    *,
    email: str | None = None,
    phone: str | None = None,
    password: str = "",
) -> UserRow:
    """Return the row that a signup inserts; the metadata is shared, not copied."""
    return UserRow(
        source.id(),
        email=email,
        phone=phone,
        encrypted_password=source.password_hash(password) if password else "",
        raw_app_meta_data={"provider": provider, "providers": [provider]},
        raw_user_meta_data=metadata,
    )


def email_signup(user_id: UUID, email: str, *, password_hash: str, at: str) -> dict[str, Json]:
    """Return what the INSERT of an email signup gives, as JSON: for INSERTs without a flow.

    Args:
        at: the time of the signup.
    """
    row = signup_row(Source(), "email", {}, email=email)
    values = {column: getattr(row, column) for column in _GIVEN}
    values |= {"instance_id": str(row.instance_id), "id": str(user_id)}
    return {**values, "encrypted_password": password_hash, "created_at": at, "updated_at": at}


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
