"""Changes that a signed-in user makes: ``PUT /user``, ``/reauthenticate``, ``/user/identities``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack
from uuid import UUID

from . import changes, claims, external, linking, lookup, steps, writes
from .claims import Claims, Profile
from .context import AuthContext
from .errors import AuthError, invalid, redirecting, refusing
from .request_values import Json, json_object, optional_email, optional_phone, strong_password
from .rows import IdentityRow, UserRow
from .source import made_here, password_matches
from .user import User

EMAIL_TAKEN = "A user with this email address has already been registered"
_PHONE_TAKEN = "A user with this phone number has already been registered"


def update_user(
    context: AuthContext,
    user: User | UUID,
    *,
    email: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    data: Mapping[str, Json] | None = None,
) -> User:
    """Change the signed-in user's metadata, password, address or number.

    A null in ``data`` removes its key. A new address or number waits for its confirmation.
    A ``User`` that carries a session keeps it when the password changes. Raises AuthError.
    """
    email, phone = optional_email(email), optional_phone(phone)
    metadata = json_object(data, "UserUpdateParams.data")
    if password is not None:
        strong_password(password, context.settings.password_min_length)
    row = lookup.signed_in(context, user)
    _expect_allowed(context, row, email, phone, password)
    session = user.session.id if isinstance(user, User) and user.session else None
    with context.channel.transaction():
        # In the order in which the server writes: password, metadata, email, phone.
        if password is not None:
            row.encrypted_password = context.source.password_hash(password)
            with refusing("Error during password storage"):
                changes.store_password(context, row, session)
            writes.audit(context, row, "user_updated_password")
        if data is not None:
            with refusing("Error updating user"):
                writes.merge_user_metadata(context, row, metadata)
        if email and email != row.email:
            _begin_email_change(context, row, email)
        if phone and phone != row.phone:
            _begin_phone_change(context, row, phone)
        with refusing("Error recording audit log entry"):
            writes.audit(context, row, "user_modified")
    return steps.user(context, row, user.session if isinstance(user, User) else None)


def reauthenticate(context: AuthContext, user: User | UUID) -> User:
    """Send the signed-in user a code that a password change may ask for."""
    row = lookup.signed_in(context, user)
    if not row.email and not row.phone:
        raise invalid("Reauthentication requires the user to have an email or a phone number")
    if row.email and row.email_confirmed_at is None:
        raise AuthError(422, "email_not_confirmed", "Please verify your email first.")
    if not row.email and row.phone_confirmed_at is None:
        raise AuthError(422, "phone_not_confirmed", "Please verify your phone first.")
    with context.channel.transaction():
        writes.audit(context, row, "user_reauthenticate_requested")
        with refusing("Error sending reauthentication email"):
            steps.send(context, row, "reauthentication_token", row.email or row.phone or "")
    return steps.user(context, row)


def link_identity(
    context: AuthContext,
    user: User | UUID,
    provider: str,
    *,
    email: str | None,
    verified: bool = True,
    **profile: Unpack[Profile],
) -> User:
    """Link an OAuth identity to the signed-in user; an anonymous user becomes permanent."""
    told = claims.oauth(context.source, provider, email=email, verified=verified, profile=profile)
    row = lookup.signed_in(context, user)
    state = external.insert_flow_state(context, provider, row)
    with redirecting(302):
        external.expect_email(context, told)
        with context.channel.transaction():
            _link_to(context, row, told)
            session = external.finish_flow(context, row, state)
    return steps.user(context, row, session)


def unlink_identity(context: AuthContext, user: User | UUID, provider: str) -> User:
    """Unlink the signed-in user's identity of this provider.

    The address of the user may change to that of another identity. Raises AuthError.
    """
    row = lookup.signed_in(context, user)
    identities = writes.identities(context, row)
    if len(identities) <= 1:
        told = "User must have at least 1 identity after unlinking"
        raise AuthError(422, "single_identity_not_deletable", told)
    identity = next((each for each in identities if each.provider == provider), None)
    if identity is None:
        raise AuthError(422, "identity_not_found", "Identity doesn't exist")
    with context.channel.transaction():
        with refusing("Error recording audit log entry"):
            linking.audit_identity(context, row, "identity_unlinked", identity)
        with refusing("Database error deleting identity"):
            writes.remove_identity(context, row, identity)
        _forget_address(context, row, provider)
        with refusing("Database error updating user providers"):
            writes.follow_providers(context, row)
    return steps.user(context, row)


def _expect_allowed(
    context: AuthContext, row: UserRow, email: str | None, phone: str | None, password: str | None
) -> None:
    if row.is_anonymous and password and not email and not phone:
        told = "Updating password of an anonymous user without an email or phone is not allowed"
        raise AuthError(422, "validation_failed", told)
    new_email = email if email != row.email else None
    new_phone = phone if phone != row.phone else None
    if row.is_sso_user and (password or new_email or new_phone):
        told = "Updating email, phone, password of a SSO account only possible via SSO"
        raise AuthError(422, "user_sso_managed", told)
    if new_email and lookup.duplicate(context, new_email, besides=row.id):
        raise AuthError(422, "email_exists", EMAIL_TAKEN)
    if new_phone and lookup.by_phone(context, new_phone):
        raise AuthError(422, "phone_exists", _PHONE_TAKEN)
    stored = row.encrypted_password or ""
    # A hash that was made elsewhere cannot be compared here.
    if password and made_here(stored) and password_matches(password, stored):
        told = "New password should be different from the old password."
        raise AuthError(422, "same_password", told)


def _begin_email_change(context: AuthContext, row: UserRow, email: str) -> None:
    row.email_change = email
    # A permanent user has to confirm a new address even where signups need no confirmation.
    if row.is_anonymous and context.settings.mailer_autoconfirm:
        changes.change_email(context, row)
        return
    with refusing("Error sending email change email"):
        row.email_change_token_new = steps.code_for(context, email)
        if context.settings.secure_email_change and row.email:
            row.email_change_token_current = steps.code_for(context, row.email)
        row.email_change_confirm_status = 0
        row.email_change_sent_at = context.source.now()
        changes.write_email_change(context, row)


def _begin_phone_change(context: AuthContext, row: UserRow, phone: str) -> None:
    row.phone_change = phone
    if context.settings.sms_autoconfirm:
        changes.change_phone(context, row)
    else:
        steps.send(context, row, "phone_change_token", phone, "phone_change")


def _link_to(context: AuthContext, row: UserRow, told: Claims) -> None:
    if known := lookup.identity(context, told.subject, told.provider):
        whose = "" if known.user_id == row.id else " to another user"
        raise AuthError(422, "identity_already_exists", f"Identity is already linked{whose}")
    writes.identities(context, row)
    identity = writes.add_identity(context, row, told.provider, told.metadata())
    with refusing("Error recording audit log entry"):
        linking.audit_identity(context, row, "identity_linked", identity)
    if not row.email:
        _adopt_email(context, row, 400, "email_exists", EMAIL_TAKEN)
        _confirm_adopted(context, row, told)
    writes.follow_providers(context, row)


def _confirm_adopted(context: AuthContext, row: UserRow, told: Claims) -> None:
    if not told.verified:
        with refusing("Error sending confirmation email"):
            steps.send(context, row, "confirmation_token", row.email or "")
        raise linking.unverified(told.provider, sent=True, code="email_not_confirmed")
    steps.confirm(context, row)
    writes.make_permanent(context, row)


def _forget_address(context: AuthContext, row: UserRow, provider: str) -> None:
    if provider == "phone":
        with refusing("Database error updating user phone"):
            row.phone, row.phone_confirmed_at = None, None
            # Two statements, as the server writes them: triggers run twice.
            writes.update(context, row, "phone")
            writes.update(context, row, "phone_confirmed_at")
        return
    told = "Unable to unlink identity due to email conflict"
    with refusing("Database error updating user email"):
        _adopt_email(context, row, 422, "email_conflict_identity_not_deletable", told)


def _adopt_email(context: AuthContext, row: UserRow, status: int, code: str, told: str) -> None:
    """Give the user the address of one of their identities, unless one has theirs already."""
    identities = writes.identities(context, row)
    if any((row.email or "") == identity.email for identity in identities):
        return
    ranked = sorted(identities, key=_rank)
    free = (each for each in ranked if not each.email or not lookup.by_email(context, each.email))
    if (primary := next(free, None)) is None:
        raise AuthError(status, code, told)
    row.email = primary.email or None
    writes.update(context, row, "email")
    row.email_change, row.email_change_confirm_status, row.phone_change = "", 0, ""
    steps.forget_tokens(context, row, "email_change", "email_change_confirm_status", "phone_change")
    if not primary.email or not (primary.verified or context.settings.mailer_autoconfirm):
        row.email_confirmed_at = None
        writes.update(context, row, "email_confirmed_at")
        writes.merge_user_metadata(context, row, {"email_verified": False})


def _rank(identity: IdentityRow) -> tuple[int, float, str]:
    """Return what sorts verified addresses first, then unverified ones, then none; oldest first."""
    order = 2 if not identity.email else 0 if identity.verified else 1
    return order, identity.created_at.timestamp(), str(identity.id)
