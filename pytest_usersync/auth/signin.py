"""Signing in with a password or a code, and staying signed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from . import statements
from .base import wanted_email, wanted_phone
from .endpoint import endpoint
from .errors import AuthError, invalid, refusing
from .external import ExternalSignIns
from .request_values import Json, email_address, json_object, plain_phone
from .rows import UserRow
from .signup import PASSWORD
from .source import password_matches
from .user import Session, User

_TOKEN = """select token, revoked, parent, session_id, user_id, updated_at
from refresh_tokens where token = %s limit 1"""
_ACTIVE = """select token, parent from refresh_tokens
where session_id = %s and revoked = false order by id desc limit 1"""
_REVOKE = statements.update("refresh_tokens", "revoked", "updated_at", where=("token",))
_REVOKE_FAMILY = statements.update(
    "refresh_tokens", "revoked", "updated_at", where=("session_id", "revoked")
)
_TOUCH_SESSION = statements.update("sessions", "ip", "refreshed_at", "updated_at", "user_agent")


class SignIns(ExternalSignIns):
    """POST /token with a password or a refresh token, POST /otp, POST /recover."""

    @endpoint
    def sign_in_with_password(
        self, email: str | None = None, *, phone: str | None = None, password: str = PASSWORD
    ) -> User:
        """Sign in with an address or a number, and the password; raises AuthError.

        A password hash that was made elsewhere cannot be checked here and is taken on trust.
        """
        unreadable = "Database error querying schema"
        if email:
            row = self._lookup.by_email(email, unreadable)
        elif phone:
            row = self._lookup.by_phone(plain_phone(phone), unreadable)
        else:
            raise invalid("missing email or phone")
        if row is None or not row.encrypted_password:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if self._banned(row):
            raise AuthError(400, "user_banned", "User is banned")
        if not password_matches(password, row.encrypted_password):
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if email and row.email_confirmed_at is None:
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        if not email and row.phone_confirmed_at is None:
            raise AuthError(400, "phone_not_confirmed", "Phone not confirmed")
        with self.channel.transaction():
            self._steps.audit(row, "login", {"provider": "email" if email else "phone"})
            session = self._steps.sign_in(row, "password")
        return self._steps.user(row, session)

    @endpoint
    def sign_in_with_otp(
        self,
        *,
        email: str | None = None,
        phone: str | None = None,
        data: Mapping[str, Json] | None = None,
        should_create_user: bool = True,
    ) -> User:
        """Send a magic link or a code; sign the user up first if they are new or unconfirmed."""
        if email and phone:
            raise invalid("Only an email address or phone number should be provided")
        metadata = json_object(data, "OtpParams.data")
        email, phone = wanted_email(email), wanted_phone(phone)
        if not email and not phone:
            raise invalid("One of email or phone must be set")
        row = self._by_address(email, phone)
        if row is None and not should_create_user:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        if email:
            return self._magic_link(email, metadata, row)
        return self._sms_code(phone or "", metadata, row)

    @endpoint
    def reset_password(self, email: str) -> User | None:
        """Send a link to set a new password; None, and no error, when nobody has the address."""
        row = self._lookup.by_email(email_address(email), "Unable to process request")
        if row is None:
            return None
        with self.channel.transaction():
            self._steps.audit(row, "user_recovery_requested")
            with refusing("Error sending recovery email"):
                self._steps.send(row, "recovery_token", row.email or "")
        return self._steps.user(row)

    @endpoint
    def refresh_session(self, refresh_token: str) -> User:
        """Exchange the refresh token for a new one; raises AuthError.

        A used token is good for as long as the one that followed it has not been used.
        """
        if not (found := self.channel.rows(_TOKEN, [refresh_token])):
            told = "Invalid Refresh Token: Refresh Token Not Found"
            raise AuthError(400, "refresh_token_not_found", told)
        row = self._lookup.by_id(UUID(found[0]["user_id"]))
        if self._banned(row):
            raise AuthError(400, "user_banned", "Invalid Refresh Token: User Banned")
        session: UUID = found[0]["session_id"]
        with self.channel.transaction():
            issued = self._issued_already(found[0]) if found[0]["revoked"] else None
            self._steps.audit(row, "token_refreshed")
            token = issued or self._swap(row, session, refresh_token)
            now = self._steps.source.now()
            refreshed_at = now.astimezone(UTC).replace(tzinfo=None)
            values = ["127.0.0.1", refreshed_at, now, "pytest-usersync", session]
            with refusing("failed to update session information"):
                self.channel.run(_TOUCH_SESSION, values)
        return self._steps.user(row, Session(session, token))

    def _banned(self, row: UserRow) -> bool:
        return row.banned_until is not None and row.banned_until > self._steps.source.now()

    def _by_address(self, email: str | None, phone: str | None) -> UserRow | None:
        return self._lookup.by_email(email) if email else self._lookup.by_phone(phone or "")

    def _magic_link(self, email: str, metadata: Mapping[str, Json], row: UserRow | None) -> User:
        if row is None or row.email_confirmed_at is None:
            user = self.sign_up(email, data=metadata)
            if not self.settings.mailer_autoconfirm:
                return user  # The confirmation link signs in as well.
            row = self._lookup.by_email(user.email or email)
            if row is None:
                return user
        with self.channel.transaction():
            self._steps.audit(row, "user_recovery_requested")
            with refusing("Error sending magic link email"):
                self._steps.send(row, "recovery_token", row.email or "")
        return self._steps.user(row)

    def _sms_code(self, phone: str, metadata: Mapping[str, Json], row: UserRow | None) -> User:
        if row is None or row.phone_confirmed_at is None:
            user = self.sign_up_phone(phone, data=metadata)
            if not self.settings.sms_autoconfirm:
                return user
            row = self._lookup.by_phone(user.phone or phone)
            if row is None:
                return user
        with self.channel.transaction():
            self._steps.audit(row, "user_recovery_requested", {"channel": "sms"})
            self._steps.send(row, "confirmation_token", phone)
        return self._steps.user(row)

    def _swap(self, row: UserRow, session: UUID, spent: str) -> str:
        token = self._steps.source.token()
        self._steps.audit(row, "token_revoked")
        self.channel.run(_REVOKE, [True, self._steps.source.now(), spent])
        self._steps.insert_refresh_token(row, session, token, spent)
        self._steps.update(row, "last_sign_in_at")
        return token

    def _issued_already(self, spent: Mapping[str, object]) -> str | None:
        """Return the token to hand out again for a spent one, None for a new one.

        Raises AuthError, and revokes the whole family, when the spent one is too old.
        """
        active = self.channel.rows(_ACTIVE, [spent["session_id"]])
        if active and active[0]["parent"] == spent["token"]:
            return str(active[0]["token"])
        used_at = spent["updated_at"]
        now = self._steps.source.now()
        if (
            isinstance(used_at, datetime)
            and now > used_at + self.settings.refresh_token_reuse_interval
        ):
            self.channel.run(_REVOKE_FAMILY, [True, now, spent["session_id"], False])
            told = "Invalid Refresh Token: Already Used"
            raise AuthError(400, "refresh_token_already_used", told, committed=True)
        return None
