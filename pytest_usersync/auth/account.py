"""What a signed-in user does to their own account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack
from uuid import UUID

from .base import wanted_email, wanted_phone
from .claims import Claims, Profile
from .endpoint import endpoint
from .errors import AuthError, invalid, redirecting, refusing
from .request_values import Json, json_object, strong_password
from .rows import IdentityRow, UserRow
from .source import made_here, password_matches
from .user import User
from .verify import Verifications

_PENDING = (
    *("confirmation_sent_at", "confirmation_token", "email_change"),
    *("email_change_confirm_status", "email_change_sent_at", "email_change_token_current"),
    *("email_change_token_new", "phone_change", "phone_change_sent_at", "phone_change_token"),
    *("reauthentication_sent_at", "reauthentication_token", "recovery_sent_at", "recovery_token"),
)
EMAIL_TAKEN = "A user with this email address has already been registered"
_PHONE_TAKEN = "A user with this phone number has already been registered"


class Accounts(Verifications):
    """PUT /user, GET /reauthenticate, /user/identities."""

    @endpoint
    def update_user(
        self,
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
        email, phone = wanted_email(email), wanted_phone(phone)
        metadata = json_object(data, "UserUpdateParams.data")
        if password is not None:
            strong_password(password, self.settings.password_min_length)
        row = self._signed_in(user)
        self._expect_allowed(row, email, phone, password)
        session = user.session.id if isinstance(user, User) and user.session else None
        with self.channel.transaction():
            if password is not None:
                row.encrypted_password = self._steps.source.password_hash(password)
                with refusing("Error during password storage"):
                    self._store_password(row, session)
                self._steps.audit(row, "user_updated_password")
            if data is not None:
                with refusing("Error updating user"):
                    self._steps.merge_user_metadata(row, metadata)
            if email and email != row.email:
                self._begin_email_change(row, email)
            if phone and phone != row.phone:
                self._begin_phone_change(row, phone)
            with refusing("Error recording audit log entry"):
                self._steps.audit(row, "user_modified")
        return self._steps.user(row, user.session if isinstance(user, User) else None)

    @endpoint
    def reauthenticate(self, user: User | UUID) -> User:
        """Send the signed-in user a code that a password change may ask for."""
        row = self._signed_in(user)
        if not row.email and not row.phone:
            raise invalid("Reauthentication requires the user to have an email or a phone number")
        if row.email and row.email_confirmed_at is None:
            raise AuthError(422, "email_not_confirmed", "Please verify your email first.")
        if not row.email and row.phone_confirmed_at is None:
            raise AuthError(422, "phone_not_confirmed", "Please verify your phone first.")
        with self.channel.transaction():
            self._steps.audit(row, "user_reauthenticate_requested")
            with refusing("Error sending reauthentication email"):
                self._steps.send(row, "reauthentication_token", row.email or row.phone or "")
        return self._steps.user(row)

    @endpoint
    def link_identity(
        self,
        user: User | UUID,
        provider: str,
        *,
        email: str | None,
        verified: bool = True,
        **profile: Unpack[Profile],
    ) -> User:
        """Link an OAuth identity to the signed-in user; an anonymous user becomes permanent."""
        told = self._oauth_claims(provider, email, verified=verified, profile=profile)
        row = self._signed_in(user)
        state = self._leave_for(provider, row)
        with redirecting(302):
            self._expect_email(told)
            with self.channel.transaction():
                self._link_to(row, told)
                session = self._come_back(row, state)
        return self._steps.user(row, session)

    @endpoint
    def unlink_identity(self, user: User | UUID, provider: str) -> User:
        """Unlink the signed-in user's identity of this provider.

        The address of the user may change to that of another identity. Raises AuthError.
        """
        row = self._signed_in(user)
        identities = self._steps.identities(row)
        if len(identities) <= 1:
            told = "User must have at least 1 identity after unlinking"
            raise AuthError(422, "single_identity_not_deletable", told)
        identity = next((each for each in identities if each.provider == provider), None)
        if identity is None:
            raise AuthError(422, "identity_not_found", "Identity doesn't exist")
        with self.channel.transaction():
            with refusing("Error recording audit log entry"):
                self._audit_identity(row, "identity_unlinked", identity)
            with refusing("Database error deleting identity"):
                self._steps.remove_identity(row, identity)
            self._forget_address(row, provider)
            with refusing("Database error updating user providers"):
                self._steps.follow_providers(row)
        return self._steps.user(row)

    def _expect_allowed(
        self, row: UserRow, email: str | None, phone: str | None, password: str | None
    ) -> None:
        if row.is_anonymous and password and not email and not phone:
            told = "Updating password of an anonymous user without an email or phone is not allowed"
            raise AuthError(422, "validation_failed", told)
        new_email = email if email != row.email else None
        new_phone = phone if phone != row.phone else None
        if row.is_sso_user and (password or new_email or new_phone):
            told = "Updating email, phone, password of a SSO account only possible via SSO"
            raise AuthError(422, "user_sso_managed", told)
        if new_email and self._lookup.duplicate(new_email, besides=row.id):
            raise AuthError(422, "email_exists", EMAIL_TAKEN)
        if new_phone and self._lookup.by_phone(new_phone):
            raise AuthError(422, "phone_exists", _PHONE_TAKEN)
        stored = row.encrypted_password or ""
        if password and made_here(stored) and password_matches(password, stored):
            told = "New password should be different from the old password."
            raise AuthError(422, "same_password", told)

    def _begin_email_change(self, row: UserRow, email: str) -> None:
        row.email_change = email
        if row.is_anonymous and self.settings.mailer_autoconfirm:
            self._change_email(row)
            return
        with refusing("Error sending email change email"):
            row.email_change_token_new = self._steps.code_for(email)
            if self.settings.secure_email_change and row.email:
                row.email_change_token_current = self._steps.code_for(row.email)
            row.email_change_confirm_status = 0
            row.email_change_sent_at = self._steps.source.now()
            self._write_email_change(row)

    def _begin_phone_change(self, row: UserRow, phone: str) -> None:
        row.phone_change = phone
        if self.settings.sms_autoconfirm:
            self._verify_phone("phone_change", row, phone)
        else:
            self._steps.send(row, "phone_change_token", phone, "phone_change")

    def _link_to(self, row: UserRow, told: Claims) -> None:
        if known := self._lookup.identity(told.subject, told.provider):
            whose = "" if known.user_id == row.id else " to another user"
            raise AuthError(422, "identity_already_exists", f"Identity is already linked{whose}")
        self._steps.identities(row)
        identity = self._steps.add_identity(row, told.provider, told.metadata())
        with refusing("Error recording audit log entry"):
            self._audit_identity(row, "identity_linked", identity)
        if not row.email:
            self._adopt_email(row, 400, "email_exists", EMAIL_TAKEN)
            self._confirm_adopted(row, told)
        self._steps.follow_providers(row)

    def _confirm_adopted(self, row: UserRow, told: Claims) -> None:
        if not told.verified:
            with refusing("Error sending confirmation email"):
                self._steps.send(row, "confirmation_token", row.email or "")
            sent = f"A confirmation email has been sent to your {told.provider} email"
            sent = f"Unverified email with {told.provider}. {sent}"
            raise AuthError(422, "email_not_confirmed", sent, committed=True)
        self._steps.confirm(row)
        if row.is_anonymous:
            row.is_anonymous = False
            self._steps.update(row, "is_anonymous")

    def _forget_address(self, row: UserRow, provider: str) -> None:
        if provider == "phone":
            with refusing("Database error updating user phone"):
                row.phone, row.phone_confirmed_at = None, None
                self._steps.update(row, "phone")
                self._steps.update(row, "phone_confirmed_at")
            return
        told = "Unable to unlink identity due to email conflict"
        with refusing("Database error updating user email"):
            self._adopt_email(row, 422, "email_conflict_identity_not_deletable", told)

    def _adopt_email(self, row: UserRow, status: int, code: str, told: str) -> None:
        """Give the user the address of one of their identities, unless one has theirs already."""
        identities = self._steps.identities(row)
        if any((row.email or "") == identity.email for identity in identities):
            return
        ranked = sorted(identities, key=_rank)
        free = (each for each in ranked if not each.email or not self._lookup.by_email(each.email))
        if (primary := next(free, None)) is None:
            raise AuthError(status, code, told)
        row.email = primary.email or None
        self._steps.update(row, "email")
        _forget_pending(row)
        self._steps.update(row, *_PENDING)
        self._steps.clear_tokens(row)
        if not primary.email or not (primary.verified or self.settings.mailer_autoconfirm):
            row.email_confirmed_at = None
            self._steps.update(row, "email_confirmed_at")
            self._steps.merge_user_metadata(row, {"email_verified": False})


def _rank(identity: IdentityRow) -> tuple[int, float, str]:
    """Return what sorts verified addresses first, then unverified ones, then none; oldest first."""
    order = 2 if not identity.email else 0 if identity.verified else 1
    return order, identity.created_at.timestamp(), str(identity.id)


def _forget_pending(row: UserRow) -> None:
    for column in _PENDING:
        if column.endswith("_at"):
            setattr(row, column, None)
        elif column != "email_change_confirm_status":
            setattr(row, column, "")
    row.email_change_confirm_status = 0
