"""Queries for users and identities, by the conditions that the server uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from ..postgres.deferred import DEFERRABLE
from .context import AuthContext
from .errors import AuthError, failure
from .rows import IDENTITY_COLUMNS, NIL_UUID, USER_COLUMNS, IdentityRow, UserRow
from .user import User

_USER = f"select {', '.join(USER_COLUMNS)} from users"
_IDENTITY = f"select {', '.join(IDENTITY_COLUMNS)} from identities"
# So the server does not find a user whom somebody inserted without instance_id or aud.
_LOCAL = "instance_id = %s and {} and aud = 'authenticated' and is_sso_user = false limit 1"

USER_BY_ID = f"{_USER} where id = %s"
# A savepoint's end has to know; asking here saves a round trip.
USER_AGAIN = f"""select {", ".join(USER_COLUMNS)}, {DEFERRABLE} as deferrable
from users where id = %s"""
IDENTITIES_OF = f"{_IDENTITY} where user_id = %s order by created_at, id"
_BY_EMAIL = f"{_USER} where {_LOCAL.format('lower(email) = %s')}"
_BY_PHONE = f"{_USER} where {_LOCAL.format('phone = %s')}"
_BY_NEW_PHONE = f"{_USER} where {_LOCAL.format('phone_change = %s')}"
_BY_TOKEN = f"""{_USER} where instance_id = %s and id = (
    select user_id from one_time_tokens
    where token_type::text = any (%s) and token_hash = %s
    limit 1
)"""
# Nearly always nobody has the address, so ask only for that first, in one statement for the
# server's two: by identity, then by the user's own address.
_TAKEN = """\
select id
from (
    select user_id as id, 1 as turn
    from identities
    where email = %s and provider not like 'sso:%%'
    union all
    select id, 2
    from users
    where instance_id = %s and lower(email) = %s and aud = 'authenticated' and is_sso_user = false
) as found
where id != %s
order by turn, id
limit 1"""
_IDENTITY_BY_SUBJECT = f"{_IDENTITY} where provider_id = %s and provider = %s limit 1"
_SIMILAR_IDENTITIES = f"{_IDENTITY} where email = any (%s)"
_SIMILAR_USERS = f"{_USER} where email = any (%s) and is_sso_user = false"

# A row written by hand may have NULL here; the server cannot read such a row.
_UNREADABLE = (
    "confirmation_token",
    "recovery_token",
    "email_change_token_new",
    "email_change",
)


def identity_row(found: Mapping[str, Any]) -> IdentityRow:
    """Return the identity that a query found."""
    return IdentityRow(**found)


def by_id(context: AuthContext, user: UUID) -> UserRow:
    """Return the user; raises AuthError when there is none."""
    if row := _one(context, USER_BY_ID, [user]):
        return row
    raise AuthError(404, "user_not_found", "User not found")


def signed_in(context: AuthContext, user: User | UUID) -> UserRow:
    """Return the row of the user who makes the request."""
    return by_id(context, user if isinstance(user, UUID) else user.id)


def banned(context: AuthContext, row: UserRow) -> bool:
    """Tell whether the user is banned now."""
    return row.banned_until is not None and row.banned_until > context.source.now()


def by_email(
    context: AuthContext, email: str, unreadable: str = "Database error finding user"
) -> UserRow | None:
    """Return the user who can sign in with this address, if there is one."""
    return _one(context, _BY_EMAIL, [NIL_UUID, email.lower()], unreadable)


def by_phone(
    context: AuthContext, phone: str, unreadable: str = "Database error finding user"
) -> UserRow | None:
    """Return the user who can sign in with this number, if there is one."""
    return _one(context, _BY_PHONE, [NIL_UUID, phone], unreadable)


def by_new_phone(context: AuthContext, phone: str) -> UserRow | None:
    """Return the user who is about to change to this number, if there is one."""
    return _one(context, _BY_NEW_PHONE, [NIL_UUID, phone])


def by_token(context: AuthContext, hashed: str, *kinds: str) -> UserRow | None:
    """Return the user to whom a one-time token of one of these kinds was sent."""
    told = "Database error finding user from email link"
    return _one(context, _BY_TOKEN, [NIL_UUID, list(kinds), hashed], told)


def duplicate(context: AuthContext, email: str, besides: UUID = NIL_UUID) -> UserRow | None:
    """Return the user who has this address already, by an identity or by themselves."""
    email = email.lower()
    found = context.channel.rows(_TAKEN, [email, NIL_UUID, email, besides])
    return _one(context, USER_BY_ID, [found[0]["id"]]) if found else None


def identity(context: AuthContext, subject: str, provider: str) -> IdentityRow | None:
    """Return the provider's identity of this subject, if it is known."""
    found = context.channel.rows(_IDENTITY_BY_SUBJECT, [subject, provider])
    return identity_row(found[0]) if found else None


def similar_identities(context: AuthContext, emails: Sequence[str]) -> list[IdentityRow]:
    """Return the identities with one of these addresses."""
    return [identity_row(found) for found in context.channel.rows(_SIMILAR_IDENTITIES, [emails])]


def similar_users(context: AuthContext, emails: Sequence[str]) -> list[UserRow]:
    """Return the users with one of these addresses, apart from SSO users."""
    return [_user_row(found) for found in context.channel.rows(_SIMILAR_USERS, [emails])]


def _one(
    context: AuthContext,
    query: str,
    values: Sequence[object],
    unreadable: str = "Database error finding user",
) -> UserRow | None:
    found = context.channel.rows(query, values)
    if not found:
        return None
    if any(found[0][column] is None for column in _UNREADABLE):
        raise failure(unreadable)
    return _user_row(found[0])


def _user_row(found: Mapping[str, object]) -> UserRow:
    row = UserRow(cast(UUID, found["id"]), created_at=cast(datetime, found["created_at"]))
    row.refresh(found)
    return row
