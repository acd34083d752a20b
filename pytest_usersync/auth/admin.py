"""Users as the service key sees and changes them: ``/admin/users``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from . import changes, links, lookup, statements, steps, writes
from .account import EMAIL_TAKEN
from .context import AuthContext
from .errors import AuthError, invalid, refusing
from .request_values import Json, json_object, optional_email, optional_phone, strong_password
from .rows import IdentityRow, Metadata, UserRow
from .user import User

_PHONE_TAKEN = "Phone number already registered by another user"
_OBSCURED = (
    *("confirmation_token", "deleted_at", "email", "email_change", "email_change_token_current"),
    *("email_change_token_new", "encrypted_password", "phone", "phone_change"),
    *("phone_change_token", "recovery_token"),
)


def create_user(
    context: AuthContext,
    *,
    email: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    password_hash: str | None = None,
    email_confirm: bool = False,
    phone_confirm: bool = False,
    user_metadata: Mapping[str, Json] | None = None,
    app_metadata: Mapping[str, Json] | None = None,
    role: str | None = None,
    ban: timedelta | None = None,
    id: UUID | None = None,  # noqa: A002  The name that every client library uses.
) -> User:
    """Create a user, without any mail; raises AuthError."""
    if not email and not phone:
        raise invalid("Cannot create a user without either an email or phone")
    email, phone = _free_email(context, email), _free_phone(context, phone)
    if password is not None and password_hash:
        raise invalid("Only a password or a password hash should be provided")
    metadata: Metadata | None = json_object(user_metadata, "AdminUserParams.user_metadata")
    if password_hash and user_metadata is None:
        metadata = None  # Measured: this one way leaves a JSON null.
    app = json_object(app_metadata, "AdminUserParams.app_metadata")
    providers: list[Json] = [name for name, has in (("email", email), ("phone", phone)) if has]
    source = context.source
    row = UserRow(
        id or source.id(),
        email=email,
        phone=phone,
        encrypted_password=password_hash or source.password_hash(password or source.token()),
        raw_app_meta_data={"provider": providers[0], "providers": providers},
        raw_user_meta_data=metadata,
    )
    told = "Database error creating new user"
    with refusing(told, whatever=True), context.channel.transaction():
        # Unlike at a signup, the row is not read again, and the role comes behind the audit entry.
        writes.insert_user(context, row)
        links.add_first_identities(context, row)
        links.audit_as_service(context, row, "user_signedup", provider=providers[0], phone=True)
        writes.set_role(context, row, role or "authenticated")
        if app_metadata is not None:
            writes.merge_app_metadata(context, row, app)
        _confirm(context, row, email=email_confirm, phone=phone_confirm)
        if ban is not None:
            _ban(context, row, ban)
    return steps.user(context, row)


def update_user(
    context: AuthContext,
    user: User | UUID,
    *,
    email: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    email_confirm: bool = False,
    phone_confirm: bool = False,
    user_metadata: Mapping[str, Json] | None = None,
    app_metadata: Mapping[str, Json] | None = None,
    role: str | None = None,
    ban: timedelta | None = None,
) -> User:
    """Change a user at once, without any mail; raises AuthError.

    Args:
        ban: for how long; no time at all lifts the ban.
    """
    row = lookup.signed_in(context, user)
    email, phone = optional_email(email), optional_phone(phone)
    metadata = json_object(user_metadata, "AdminUserParams.user_metadata")
    app = json_object(app_metadata, "AdminUserParams.app_metadata")
    if password is not None:
        strong_password(password, context.settings.password_min_length)
        row.encrypted_password = context.source.password_hash(password)
    with refusing("Error updating user", whatever=True), context.channel.transaction():
        # In the server's order: the old address is confirmed before the new one is written.
        if role:
            writes.set_role(context, row, role)
        _confirm(context, row, email=email_confirm, phone=phone_confirm)
        if password is not None:
            changes.store_password(context, row, None)
        if email:
            _set_address(context, row, "email", email, confirmed=email_confirm)
        if phone:
            _set_address(context, row, "phone", phone, confirmed=phone_confirm)
        if app_metadata is not None:
            writes.merge_app_metadata(context, row, app)
        if user_metadata is not None:
            writes.merge_user_metadata(context, row, metadata)
        if ban is not None:
            _ban(context, row, ban)
        links.audit_as_service(context, row, "user_modified", phone=True)
    return steps.user(context, row)


def ban(
    context: AuthContext, user: User | UUID, duration: timedelta = timedelta(days=36500)
) -> User:
    """Ban a user; by default for a hundred years."""
    return update_user(context, user, ban=duration)


def unban(context: AuthContext, user: User | UUID) -> User:
    """Lift a user's ban."""
    return update_user(context, user, ban=timedelta(0))


def delete_user(context: AuthContext, user: User | UUID, *, soft: bool = False) -> None:
    """Delete a user; ``soft`` keeps the row and takes everything personal out of it."""
    row = lookup.signed_in(context, user)
    with context.channel.transaction():
        with refusing("Error recording audit log entry"):
            links.audit_as_service(context, row, "user_deleted", phone=True)
        if not soft:
            with refusing("Database error deleting user"):
                # Identities, sessions and tokens go by foreign keys (on delete cascade).
                context.channel.run(statements.delete("users", "id"), [row.id])
        elif row.deleted_at is None:
            _soft_delete(context, row)


def _free_email(context: AuthContext, email: str | None) -> str | None:
    if (email := optional_email(email)) and lookup.duplicate(context, email):
        raise AuthError(422, "email_exists", EMAIL_TAKEN)
    return email


def _free_phone(context: AuthContext, phone: str | None) -> str | None:
    if (phone := optional_phone(phone)) and lookup.by_phone(context, phone):
        raise AuthError(422, "phone_exists", _PHONE_TAKEN)
    return phone


def _confirm(context: AuthContext, row: UserRow, *, email: bool, phone: bool) -> None:
    if email:
        steps.confirm(context, row)
    if phone:
        steps.confirm_phone(context, row)


def _ban(context: AuthContext, row: UserRow, duration: timedelta) -> None:
    row.banned_until = context.source.now() + duration if duration else None
    writes.update(context, row, "banned_until")


def _set_address(
    context: AuthContext, row: UserRow, column: str, address: str, *, confirmed: bool
) -> None:
    proved: Metadata = {column: address, f"{column}_verified": confirmed}
    changes.prove_address(context, row, column, proved)
    if confirmed:
        writes.make_permanent(context, row)
    setattr(row, column, address)
    writes.update(context, row, column)


def _soft_delete(context: AuthContext, row: UserRow) -> None:
    with refusing("Error soft deleting user"):
        # A phone number has at most 15 characters, so the server cuts its hash.
        row.email, row.phone = _obscured(row, row.email), _obscured(row, row.phone)[:15]
        row.email_change = _obscured(row, row.email_change)
        row.phone_change = _obscured(row, row.phone_change)[:15]
        row.encrypted_password = None
        row.confirmation_token = row.recovery_token = row.phone_change_token = ""
        row.email_change_token_current = row.email_change_token_new = ""
        row.deleted_at = context.source.now()
        writes.update(context, row, *_OBSCURED)
        steps.clear_tokens(context, row)
        # A null for every key leaves an empty object, not NULL.
        writes.merge_user_metadata(context, row, dict.fromkeys(row.raw_user_meta_data or {}))
        writes.merge_app_metadata(context, row, dict.fromkeys(row.raw_app_meta_data or {}))
        steps.sign_out(context, row)
    with refusing("Error soft deleting user identities"):
        for identity in writes.identities(context, row):
            _obscure(context, row, identity)
    with refusing("Error deleting user's factors"):
        context.channel.run(statements.delete("mfa_factors", "user_id"), [row.id])
    with refusing("Error deleting user's WebAuthn credentials"):
        context.channel.run(statements.delete("webauthn_credentials", "user_id"), [row.id])
    # The sessions are gone by now; the server deletes them once more.
    with refusing("Error deleting user's sessions"):
        steps.sign_out(context, row)


def _obscure(context: AuthContext, row: UserRow, identity: IdentityRow) -> None:
    writes.merge_identity_data(context, identity, dict.fromkeys(identity.identity_data))
    hidden = _obscured(row, f"{identity.provider}:{identity.provider_id}")
    statement = statements.update("identities", "provider_id")
    context.channel.run(statement, [hidden, identity.id])


def _obscured(row: UserRow, value: str | None) -> str:
    """Return what is left of an address after a soft delete, even of one that was never there."""
    digest = hashlib.sha256(f"{row.id}{value or ''}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
