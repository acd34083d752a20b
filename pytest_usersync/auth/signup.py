"""Signing up with an address, with a number, or as nobody."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Endpoints
from .endpoint import endpoint
from .errors import AuthError, refusing
from .request_values import Json, email_address, json_object, phone_number, strong_password
from .rows import Metadata, UserRow
from .user import Session, User

PASSWORD = "correct horse battery staple"


class SignUps(Endpoints):
    """POST /signup."""

    @endpoint
    def sign_up(
        self, email: str, *, password: str = PASSWORD, data: Mapping[str, Json] | None = None
    ) -> User:
        """Sign up with an email address and a password.

        An address that waits for its confirmation gets a new link; password and data are then
        ignored. A confirmed one is refused when the server confirms by itself; otherwise the
        answer is a user who does not exist. Raises AuthError.
        """
        self._expect_open()
        strong_password(password, self.settings.password_min_length)
        metadata = json_object(data, "SignupParams.data")
        email = email_address(email)
        known = self._lookup.duplicate(email)
        row = known or self._newcomer("email", metadata, email=email, password=password)
        if known and known.email_confirmed_at:
            return self._repeated(known, "email", metadata)
        with self.channel.transaction():
            self._enrol(row, "email", metadata, new=known is None)
            if self.settings.mailer_autoconfirm:
                self._steps.audit(row, "user_signedup", {"provider": "email"})
                with refusing("Database error updating user"):
                    self._steps.confirm(row)
            else:
                self._steps.audit(row, "user_confirmation_requested", {"provider": "email"})
                with refusing("Error sending confirmation email"):
                    self._steps.send(row, "confirmation_token", row.email or "")
        return self._steps.user(row, self._first_session(row, "email"))

    @endpoint
    def sign_up_phone(
        self, phone: str, *, password: str = PASSWORD, data: Mapping[str, Json] | None = None
    ) -> User:
        """Sign up with a phone number and a password; raises AuthError."""
        self._expect_open()
        strong_password(password, self.settings.password_min_length)
        metadata = json_object(data, "SignupParams.data")
        phone = phone_number(phone)
        known = self._lookup.by_phone(phone)
        row = known or self._newcomer("phone", metadata, phone=phone, password=password)
        if known and known.phone_confirmed_at:
            return self._repeated(known, "phone", metadata)
        with self.channel.transaction():
            self._enrol(row, "phone", metadata, new=known is None)
            if self.settings.sms_autoconfirm:
                traits = {"provider": "phone", "channel": "sms"}
                self._steps.audit(row, "user_signedup", traits)
                with refusing("Database error updating user"):
                    self._steps.confirm_phone(row)
            else:
                self._steps.audit(row, "user_confirmation_requested", {"provider": "phone"})
                self._steps.send(row, "confirmation_token", phone)
        return self._steps.user(row, self._first_session(row, "phone"))

    @endpoint
    def sign_in_anonymously(self, *, data: Mapping[str, Json] | None = None) -> User:
        """Sign in as a new user without any address; raises AuthError."""
        self._expect_open()
        metadata = json_object(data, "SignupParams.data")
        row = self._newcomer("", metadata)
        row.raw_app_meta_data = {}
        row.is_anonymous = True
        told = "Database error creating anonymous user"
        with refusing(told, whatever=True), self.channel.transaction():
            self._steps.new_user(row, ahead=True)
            session = self._steps.sign_in(row, "anonymous")
        return self._steps.user(row, session)

    def _expect_open(self) -> None:
        if self.settings.disable_signup:
            raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")

    def _newcomer(
        self,
        provider: str,
        metadata: Metadata,
        *,
        email: str | None = None,
        phone: str | None = None,
        password: str = "",
    ) -> UserRow:
        """Return the row of a user about to be; the metadata is shared, not copied."""
        return UserRow(
            self._steps.source.id(),
            email=email,
            phone=phone,
            encrypted_password=self._steps.source.password_hash(password) if password else "",
            raw_app_meta_data={"provider": provider, "providers": [provider]},
            raw_user_meta_data=metadata,
        )

    def _enrol(self, row: UserRow, provider: str, metadata: Metadata, *, new: bool) -> None:
        """Insert the user if new; give them their identity if they have none yet."""
        if new:
            self._steps.new_user(row)
        elif self._lookup.identity(str(row.id), provider):
            return
        claims: Metadata = {"sub": str(row.id)}
        if row.email:
            claims["email"] = row.email
        claims |= {"email_verified": False, "phone_verified": False}
        others = list(self._steps.identities(row))
        identity = self._steps.add_identity(row, provider, {**metadata, **claims})
        self._steps.drop_unconfirmed(row, identity, others)

    def _repeated(self, row: UserRow, provider: str, metadata: Metadata) -> User:
        """Answer a signup with a confirmed address without giving away that it is known."""
        with self.channel.transaction():
            self._steps.audit(row, "user_repeated_signup", {"provider": provider})
        if self.settings.mailer_autoconfirm or self.settings.sms_autoconfirm:
            raise AuthError(422, "user_already_exists", "User already registered")
        nobody = self._newcomer(provider, metadata)
        nobody.email = row.email if provider == "email" else None
        nobody.phone = row.phone if provider == "phone" else None
        return self._steps.user(nobody)

    def _first_session(self, row: UserRow, provider: str) -> Session | None:
        """Sign the user in at once, in a second transaction, if the signup confirmed them."""
        if not (row.email_confirmed_at or row.phone_confirmed_at):
            return None
        with self.channel.transaction():
            self._steps.audit(row, "login", {"provider": provider})
            return self._steps.sign_in(row, "password")
