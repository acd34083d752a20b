"""Following a link, typing in a code."""

from __future__ import annotations

from typing import Literal, TypeAlias
from uuid import UUID

from .endpoint import endpoint
from .errors import AuthError, invalid, refusing
from .request_values import email_address, phone_number
from .rows import IdentityRow, Metadata, UserRow
from .signin import SignIns
from .source import token_hash as hash_of
from .user import User

Verification: TypeAlias = Literal[
    "signup", "invite", "magiclink", "recovery", "email", "email_change", "sms", "phone_change"
]

# Which of the user's tokens a verification of this type consumes.
_KINDS: dict[str, tuple[str, ...]] = {
    "signup": ("confirmation_token",),
    "invite": ("confirmation_token",),
    "magiclink": ("recovery_token",),
    "recovery": ("recovery_token",),
    "email": ("confirmation_token", "recovery_token"),
    "email_change": ("email_change_token_current", "email_change_token_new"),
    "sms": ("confirmation_token",),
    "phone_change": ("phone_change_token",),
}


class Verifications(SignIns):
    """POST /verify."""

    @endpoint
    def verify(
        self,
        type: Verification,  # noqa: A002  The name that every client library uses.
        *,
        token_hash: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        token: str | None = None,
    ) -> User:
        """Confirm with the hash from a link, or with a code and the address it was sent to.

        Signs the user in, but for the first of two confirmations of an email change. Raises
        AuthError.
        """
        if type not in _KINDS:
            raise invalid("Unsupported verification type")
        if token_hash is None:
            token_hash, address = _typed_in(token, email, phone)
        else:
            address = None
        with self.channel.transaction():
            row = self._owner(type, token_hash, address)
            kind = next((k for k in _KINDS[type] if getattr(row, k) == token_hash), _KINDS[type][0])
            if type in ("sms", "phone_change"):
                self._verify_phone(type, row, row.phone_change)
            elif type == "email_change":
                if self._first_of_two(row):
                    self._confirm_first(row, kind)
                    return self._steps.user(row)
                self._change_email(row)
            elif kind == "recovery_token":
                self._recover(row)
            else:
                self._verify_signup(row)
            self._steps.follow_providers(row)
            session = self._steps.sign_in(row, "otp")
        return self._steps.user(row, session)

    def _owner(self, type: str, hashed: str, address: str | None) -> UserRow:  # noqa: A002
        """Return whom the token was sent to; raises AuthError when it is unknown or too old."""
        if type == "phone_change" and address:
            row = self._lookup.by_new_phone(address)
        elif type == "sms" and address:
            row = self._lookup.by_phone(address)
        elif address and type != "email_change":
            row = self._lookup.by_email(address)
        else:
            row = self._lookup.by_token(hashed, *_KINDS[type])
        told = "Email link is invalid or has expired"
        if address:
            told = "Token has expired or is invalid"
        if row is None:
            raise AuthError(403, "otp_expired", told)
        if self._banned(row):
            raise AuthError(403, "user_banned", "User is banned")
        if not any(self._good(row, kind, hashed) for kind in _KINDS[type]):
            raise AuthError(403, "otp_expired", told)
        return row

    def _good(self, row: UserRow, kind: str, hashed: str) -> bool:
        column = "email_change" if kind.startswith("email_change") else kind.removesuffix("_token")
        sent_at = getattr(row, f"{column}_sent_at")
        if getattr(row, kind) != hashed or sent_at is None:
            return False
        return bool(self._steps.source.now() <= sent_at + self.settings.otp_expiry)

    def _verify_signup(self, row: UserRow) -> None:
        if not row.encrypted_password and row.invited_at:
            # Whoever was invited gets a password nobody knows, until they set their own.
            row.encrypted_password = self._steps.source.password_hash(self._steps.source.token())
            with refusing("Error storing password"):
                self._store_password(row, None)
        self._steps.audit(row, "user_signedup", {"provider": "email"})
        with refusing("Error confirming user"):
            self._steps.confirm(row)
        for identity in self._steps.identities(row):
            if identity.email and identity.email == row.email:
                with refusing("Error setting email_verified to true on identity"):
                    self._steps.merge_identity_data(identity, {"email_verified": True})

    def _recover(self, row: UserRow) -> None:
        with refusing("Database error updating user", whatever=True):
            row.recovery_token = ""
            self._steps.update(row, "recovery_token")
            self._steps.clear_tokens(row)
            if row.email_confirmed_at is None:
                self._steps.audit(row, "user_signedup", {"provider": "email"})
                self._steps.confirm(row)
            else:
                self._steps.audit(row, "login")

    def _verify_phone(self, type: str, row: UserRow, phone: str) -> None:  # noqa: A002
        if type == "sms":
            self._steps.audit(row, "user_signedup", {"provider": "phone"})
            with refusing("Error confirming user"):
                self._steps.confirm_phone(row)
        else:
            self._steps.audit(row, "user_modified")
            self._vouch(row, "phone", {"phone": phone, "phone_verified": True})
            with refusing("Error confirming user"):
                self._change_phone(row, phone)
        if row.is_anonymous:
            row.is_anonymous = False
            self._steps.update(row, "is_anonymous")

    def _change_phone(self, row: UserRow, phone: str) -> None:
        row.phone, row.phone_change, row.phone_change_token = phone, "", ""
        row.phone_confirmed_at = self._steps.source.now()
        columns = ("phone", "phone_change", "phone_change_token", "phone_confirmed_at")
        self._steps.update(row, *columns)
        self._steps.clear_tokens(row)
        if identity := self._own_identity(row, "phone"):
            identity.identity_data["phone"] = phone
            self._steps.update_identity(identity, "identity_data")

    def _first_of_two(self, row: UserRow) -> bool:
        return (
            not self.settings.mailer_autoconfirm
            and self.settings.secure_email_change
            and row.email_change_confirm_status == 0
            and row.email is not None
        )

    def _confirm_first(self, row: UserRow, kind: str) -> None:
        row.email_change_confirm_status = 1
        setattr(row, kind, "")
        self._steps.clear_token(row, kind)
        columns = ("email_change_token_current", "email_change_token_new")
        self._steps.update(row, "email_change_confirm_status", *columns)

    def _change_email(self, row: UserRow) -> None:
        self._steps.audit(row, "user_modified")
        email = row.email_change
        self._vouch(row, "email", {"email": email, "email_verified": True})
        if row.is_anonymous:
            row.is_anonymous = False
            self._steps.update(row, "is_anonymous")
        with refusing("Error confirm email"):
            row.email, row.email_change, row.email_change_confirm_status = email, "", 0
            row.email_change_token_current = row.email_change_token_new = ""
            tokens = ("email_change_token_current", "email_change_token_new")
            self._steps.update(row, "email", "email_change", "email_change_confirm_status", *tokens)
            self._steps.clear_tokens(row)
            if row.email_confirmed_at is None:
                self._steps.confirm(row)
            identity = self._own_identity(row, "email")
            if identity and "email" in identity.identity_data:
                identity.identity_data["email"] = email
                self._steps.update_identity(identity, "identity_data")

    def _write_email_change(self, row: UserRow) -> None:
        """Write a wanted email change and store the tokens that confirm it."""
        tokens = ("email_change_token_current", "email_change_token_new")
        begun = ("email_change", "email_change_confirm_status", "email_change_sent_at")
        self._steps.update(row, *begun, *tokens)
        if row.email_change_token_current:
            self._steps.store_token(row, tokens[0], row.email or "")
        if row.email_change_token_new:
            self._steps.store_token(row, tokens[1], row.email_change)

    def _vouch(self, row: UserRow, provider: str, proved: Metadata) -> None:
        """Write what was proved into the identity, a new one if need be."""
        if identity := self._own_identity(row, provider):
            self._steps.merge_identity_data(identity, proved)
            return
        claims: Metadata = {"sub": str(row.id), "email_verified": False, "phone_verified": False}
        self._steps.add_identity(row, provider, claims | proved)

    def _own_identity(self, row: UserRow, provider: str) -> IdentityRow | None:
        subject = str(row.id)
        for identity in self._steps.identities(row):
            if identity.provider == provider and identity.provider_id == subject:
                return identity
        return None

    def _store_password(self, row: UserRow, session: UUID | None) -> None:
        """Write the password; end what was begun with the old one, but for this session."""
        row.confirmation_token = row.recovery_token = row.phone_change_token = ""
        row.email_change_token_current = row.email_change_token_new = ""
        row.reauthentication_token = ""
        row.confirmation_sent_at = row.recovery_sent_at = row.email_change_sent_at = None
        row.phone_change_sent_at = row.reauthentication_sent_at = None
        self._steps.update(row, *_FORGOTTEN)
        self._steps.clear_tokens(row)
        self._steps.sign_out(row, besides=session)


_FORGOTTEN = (
    *("confirmation_sent_at", "confirmation_token", "email_change_sent_at"),
    *("email_change_token_current", "email_change_token_new", "encrypted_password"),
    *("phone_change_sent_at", "phone_change_token", "reauthentication_sent_at"),
    *("reauthentication_token", "recovery_sent_at", "recovery_token"),
)


def _typed_in(token: str | None, email: str | None, phone: str | None) -> tuple[str, str]:
    """Return the hash of a code that was typed in, and the address it was sent to."""
    if token is None:
        raise invalid("Verify requires either a token or a token hash")
    if phone and not email:
        address = phone_number(phone)
    elif email and not phone:
        address = email_address(email)
    else:
        raise invalid("Only an email address or phone number should be provided on verify")
    return hash_of(address, token), address
