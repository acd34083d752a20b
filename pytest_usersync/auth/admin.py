"""What the service key may do to users."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from . import statements
from .account import EMAIL_TAKEN
from .base import wanted_email, wanted_phone
from .endpoint import endpoint
from .errors import AuthError, invalid, refusing
from .links import Links
from .request_values import Json, json_object, strong_password
from .rows import IdentityRow, Metadata, UserRow
from .user import User

_PHONE_TAKEN = "Phone number already registered by another user"
_OBSCURED = (
    *("confirmation_token", "deleted_at", "email", "email_change", "email_change_token_current"),
    *("email_change_token_new", "encrypted_password", "phone", "phone_change"),
    *("phone_change_token", "recovery_token"),
)


class Admin(Links):
    """/admin/users, and the links."""

    @endpoint
    def create_user(
        self,
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
        email, phone = self._free_email(email), self._free_phone(phone)
        if password is not None and password_hash:
            raise invalid("Only a password or a password hash should be provided")
        metadata: Metadata | None = json_object(user_metadata, "AdminUserParams.user_metadata")
        if password_hash and user_metadata is None:
            metadata = None  # Measured: this one way leaves a JSON null.
        app = json_object(app_metadata, "AdminUserParams.app_metadata")
        providers: list[Json] = [name for name, has in (("email", email), ("phone", phone)) if has]
        source = self._steps.source
        row = UserRow(
            id or source.id(),
            email=email,
            phone=phone,
            encrypted_password=password_hash or source.password_hash(password or source.token()),
            raw_app_meta_data={"provider": providers[0], "providers": providers},
            raw_user_meta_data=metadata,
        )
        told = "Database error creating new user"
        with refusing(told, whatever=True), self.channel.transaction():
            self._steps.insert_user(row)
            self._first_identities(row)
            self._audit(row, "user_signedup", provider=providers[0], phone=True)
            self._steps.set_role(row, role or "authenticated")
            if app_metadata is not None:
                self._steps.merge_app_metadata(row, app)
            self._confirm(row, email=email_confirm, phone=phone_confirm)
            if ban is not None:
                self._ban(row, ban)
        return self._steps.user(row)

    @endpoint
    def update_user(
        self,
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
        row = self._signed_in(user)
        email, phone = wanted_email(email), wanted_phone(phone)
        metadata = json_object(user_metadata, "AdminUserParams.user_metadata")
        app = json_object(app_metadata, "AdminUserParams.app_metadata")
        if password is not None:
            strong_password(password, self.settings.password_min_length)
            row.encrypted_password = self._steps.source.password_hash(password)
        with refusing("Error updating user", whatever=True), self.channel.transaction():
            if role:
                self._steps.set_role(row, role)
            self._confirm(row, email=email_confirm, phone=phone_confirm)
            if password is not None:
                self._store_password(row, None)
            if email:
                self._set_address(row, "email", email, confirmed=email_confirm)
            if phone:
                self._set_address(row, "phone", phone, confirmed=phone_confirm)
            if app_metadata is not None:
                self._steps.merge_app_metadata(row, app)
            if user_metadata is not None:
                self._steps.merge_user_metadata(row, metadata)
            if ban is not None:
                self._ban(row, ban)
            self._audit(row, "user_modified", phone=True)
        return self._steps.user(row)

    @endpoint
    def ban(self, user: User | UUID, duration: timedelta = timedelta(days=36500)) -> User:
        """Ban a user; by default for a hundred years."""
        return self.update_user(user, ban=duration)

    @endpoint
    def unban(self, user: User | UUID) -> User:
        """Lift a user's ban."""
        return self.update_user(user, ban=timedelta(0))

    @endpoint
    def delete_user(self, user: User | UUID, *, soft: bool = False) -> None:
        """Delete a user; ``soft`` keeps the row and takes everything personal out of it."""
        row = self._signed_in(user)
        with self.channel.transaction():
            with refusing("Error recording audit log entry"):
                self._audit(row, "user_deleted", phone=True)
            if not soft:
                with refusing("Database error deleting user"):
                    self.channel.run(statements.delete("users", "id"), [row.id])
            elif row.deleted_at is None:
                self._soft_delete(row)

    def _free_email(self, email: str | None) -> str | None:
        if (email := wanted_email(email)) and self._lookup.duplicate(email):
            raise AuthError(422, "email_exists", EMAIL_TAKEN)
        return email

    def _free_phone(self, phone: str | None) -> str | None:
        if (phone := wanted_phone(phone)) and self._lookup.by_phone(phone):
            raise AuthError(422, "phone_exists", _PHONE_TAKEN)
        return phone

    def _confirm(self, row: UserRow, *, email: bool, phone: bool) -> None:
        if email:
            self._steps.confirm(row)
        if phone:
            self._steps.confirm_phone(row)

    def _ban(self, row: UserRow, duration: timedelta) -> None:
        row.banned_until = self._steps.source.now() + duration if duration else None
        self._steps.update(row, "banned_until")

    def _set_address(self, row: UserRow, column: str, address: str, *, confirmed: bool) -> None:
        proved: Metadata = {column: address, f"{column}_verified": confirmed}
        self._vouch(row, column, proved)
        if row.is_anonymous and confirmed:
            row.is_anonymous = False
            self._steps.update(row, "is_anonymous")
        setattr(row, column, address)
        self._steps.update(row, column)

    def _soft_delete(self, row: UserRow) -> None:
        with refusing("Error soft deleting user"):
            row.email, row.phone = _obscured(row, row.email), _obscured(row, row.phone)[:15]
            row.email_change = _obscured(row, row.email_change)
            row.phone_change = _obscured(row, row.phone_change)[:15]
            row.encrypted_password = None
            row.confirmation_token = row.recovery_token = row.phone_change_token = ""
            row.email_change_token_current = row.email_change_token_new = ""
            row.deleted_at = self._steps.source.now()
            self._steps.update(row, *_OBSCURED)
            self._steps.clear_tokens(row)
            self._steps.merge_user_metadata(row, dict.fromkeys(row.raw_user_meta_data or {}))
            self._steps.merge_app_metadata(row, dict.fromkeys(row.raw_app_meta_data or {}))
            self._steps.sign_out(row)
        with refusing("Error soft deleting user identities"):
            for identity in self._steps.identities(row):
                self._obscure(row, identity)
        with refusing("Error deleting user's factors"):
            self.channel.run(statements.delete("mfa_factors", "user_id"), [row.id])
        with refusing("Error deleting user's WebAuthn credentials"):
            self.channel.run(statements.delete("webauthn_credentials", "user_id"), [row.id])
        with refusing("Error deleting user's sessions"):
            self._steps.sign_out(row)

    def _obscure(self, row: UserRow, identity: IdentityRow) -> None:
        self._steps.merge_identity_data(identity, dict.fromkeys(identity.identity_data))
        hidden = _obscured(row, f"{identity.provider}:{identity.provider_id}")
        statement = statements.update("identities", "provider_id")
        self.channel.run(statement, [hidden, identity.id])


def _obscured(row: UserRow, value: str | None) -> str:
    """Return what is left of an address after a soft delete, even of one that was never there."""
    digest = hashlib.sha256(f"{row.id}{value or ''}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
