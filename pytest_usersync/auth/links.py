"""Links that the service key asks for: ``POST /invite``, ``POST /admin/generate_link``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from . import changes, lookup, signin, steps, writes
from .account import EMAIL_TAKEN
from .context import AuthContext
from .errors import AuthError, invalid, refusing
from .request_values import Json, email_address, json_object, strong_password
from .rows import Metadata, UserRow, signup_row
from .user import User

Link: TypeAlias = Literal[
    "signup", "invite", "magiclink", "recovery", "email_change_current", "email_change_new"
]


def invite(context: AuthContext, email: str, *, data: Mapping[str, Json] | None = None) -> User:
    """Invite somebody by email; raises AuthError when they are confirmed already."""
    metadata = json_object(data, "InviteParams.data")
    return _invite(context, email_address(email), metadata, "Error inviting user")


def generate_link(
    context: AuthContext,
    type: Link,  # noqa: A002  The name that every client library uses.
    email: str,
    *,
    password: str | None = None,
    data: Mapping[str, Json] | None = None,
    new_email: str | None = None,
) -> User:
    """Make a link without sending it: its hash is in the user's tokens. Raises AuthError.

    ``magiclink`` for somebody new signs them up, as ``signup`` does.
    """
    metadata = json_object(data, "GenerateLinkParams.data")
    email = email_address(email)
    row = lookup.by_email(context, email)
    if row is None and type == "magiclink":
        return _signup_link(context, row, email, context.source.token(), metadata)
    if type == "invite":
        return _invite(context, email, metadata, "")
    if type == "signup":
        return _signup_link(context, row, email, password, metadata)
    if row is None:
        raise AuthError(404, "user_not_found", "User with this email not found")
    if type in ("magiclink", "recovery"):
        return signin.send_recovery(context, row, "")
    return _email_change_link(context, type, row, new_email)


def _invite(context: AuthContext, email: str, metadata: Metadata, refusal: str) -> User:
    """Invite by mail, or by a link that nobody sends: then there is no answer for a refusal."""
    row = lookup.by_email(context, email)
    known = row is not None
    if row is None:
        row = signup_row(context.source, "email", metadata, email=email)
    elif row.email_confirmed_at:
        raise AuthError(422, "email_exists", EMAIL_TAKEN)
    with context.channel.transaction():
        if not known:
            steps.new_user(context, row)
            add_first_identities(context, row)
        audit_as_service(context, row, "user_invited")
        with refusing(refusal):
            steps.send(context, row, "confirmation_token", row.email or "", "invited_at")
    return steps.user(context, row)


def _signup_link(
    context: AuthContext, row: UserRow | None, email: str, password: str | None, metadata: Metadata
) -> User:
    known = row is not None
    if row is None:
        if not password:
            raise invalid("Signup requires a valid password")
        strong_password(password, context.settings.password_min_length)
        row = signup_row(context.source, "email", metadata, email=email, password=password)
    elif row.email_confirmed_at:
        raise AuthError(422, "email_exists", EMAIL_TAKEN)
    with context.channel.transaction():
        if known:
            with refusing("Database error updating user"):
                writes.merge_user_metadata(context, row, metadata)
        else:
            steps.new_user(context, row)
            add_first_identities(context, row)
        steps.send(context, row, "confirmation_token", row.email or "")
    return steps.user(context, row)


def _email_change_link(
    context: AuthContext, kind: str, row: UserRow, new_email: str | None
) -> User:
    if kind == "email_change_current" and not context.settings.secure_email_change:
        raise invalid("Enable secure email change to generate link for current email")
    address = email_address(new_email or "")
    if lookup.duplicate(context, address, besides=row.id):
        raise AuthError(422, "email_exists", EMAIL_TAKEN)
    with context.channel.transaction():
        row.email_change, row.email_change_confirm_status = address, 0
        row.email_change_sent_at = context.source.now()
        if kind == "email_change_current":
            row.email_change_token_current = steps.code_for(context, row.email or "")
        else:
            row.email_change_token_new = steps.code_for(context, address)
        changes.write_email_change(context, row)
    return steps.user(context, row)


def add_first_identities(context: AuthContext, row: UserRow) -> None:
    """Insert an identity for each address that the new user has."""
    for provider, address in (("email", row.email), ("phone", row.phone)):
        if address:
            claims: Metadata = {"sub": str(row.id), provider: address}
            claims |= {"email_verified": False, "phone_verified": False}
            writes.add_identity(context, row, provider, claims)


def audit_as_service(
    context: AuthContext, row: UserRow, action: str, *, provider: Json = None, phone: bool = False
) -> None:
    """Write an audit entry about what the service key did to the user."""
    traits: Metadata = {"user_id": str(row.id), "user_email": row.email or ""}
    if phone:
        traits["user_phone"] = row.phone or ""
    if provider:
        traits["provider"] = provider
    writes.audit(context, writes.SERVICE, action, traits)
