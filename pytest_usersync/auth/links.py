"""Links that the service key asks for: invitations, and links that nobody sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from .account import EMAIL_TAKEN
from .endpoint import endpoint
from .errors import AuthError, invalid, refusing
from .request_values import Json, email_address, json_object, strong_password
from .rows import Metadata, UserRow
from .user import User
from .verify import Verifications
from .writes import SERVICE

Link: TypeAlias = Literal[
    "signup", "invite", "magiclink", "recovery", "email_change_current", "email_change_new"
]


class Links(Verifications):
    """POST /invite and /admin/generate_link."""

    @endpoint
    def invite(self, email: str, *, data: Mapping[str, Json] | None = None) -> User:
        """Invite somebody by email; raises AuthError when they are confirmed already."""
        metadata = json_object(data, "InviteParams.data")
        return self._invite(email_address(email), metadata, "Error inviting user")

    @endpoint
    def generate_link(
        self,
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
        row = self._lookup.by_email(email)
        if row is None and type == "magiclink":
            return self._signup_link(row, email, self._steps.source.token(), metadata)
        if type == "invite":
            return self._invite(email, metadata, "")
        if type == "signup":
            return self._signup_link(row, email, password, metadata)
        if row is None:
            raise AuthError(404, "user_not_found", "User with this email not found")
        if type in ("magiclink", "recovery"):
            return self._recovery_link(row)
        return self._email_change_link(type, row, new_email)

    def _invite(self, email: str, metadata: Metadata, told: str) -> User:
        """Invite by mail, or by a link that nobody sends (then there are no words for failure)."""
        row = self._lookup.by_email(email)
        known = row is not None
        if row is None:
            row = self._newcomer("email", metadata, email=email)
        elif row.email_confirmed_at:
            raise AuthError(422, "email_exists", EMAIL_TAKEN)
        with self.channel.transaction():
            if not known:
                self._steps.new_user(row)
                self._first_identities(row)
            self._audit(row, "user_invited")
            if told:
                with refusing(told):
                    self._steps.send(row, "confirmation_token", row.email or "", "invited_at")
            else:
                self._steps.send(row, "confirmation_token", row.email or "", "invited_at")
        return self._steps.user(row)

    def _signup_link(
        self, row: UserRow | None, email: str, password: str | None, metadata: Metadata
    ) -> User:
        known = row is not None
        if row is None:
            if not password:
                raise invalid("Signup requires a valid password")
            strong_password(password, self.settings.password_min_length)
            row = self._newcomer("email", metadata, email=email, password=password)
        elif row.email_confirmed_at:
            raise AuthError(422, "email_exists", EMAIL_TAKEN)
        with self.channel.transaction():
            if known:
                with refusing("Database error updating user"):
                    self._steps.merge_user_metadata(row, metadata)
            else:
                self._steps.new_user(row)
                self._first_identities(row)
            self._steps.send(row, "confirmation_token", row.email or "")
        return self._steps.user(row)

    def _recovery_link(self, row: UserRow) -> User:
        with self.channel.transaction():
            self._steps.audit(row, "user_recovery_requested")
            self._steps.send(row, "recovery_token", row.email or "")
        return self._steps.user(row)

    def _email_change_link(self, type: str, row: UserRow, new_email: str | None) -> User:  # noqa: A002
        if type == "email_change_current" and not self.settings.secure_email_change:
            raise invalid("Enable secure email change to generate link for current email")
        address = email_address(new_email or "")
        if self._lookup.duplicate(address, besides=row.id):
            raise AuthError(422, "email_exists", EMAIL_TAKEN)
        with self.channel.transaction():
            row.email_change, row.email_change_confirm_status = address, 0
            row.email_change_sent_at = self._steps.source.now()
            if type == "email_change_current":
                row.email_change_token_current = self._steps.code_for(row.email or "")
            else:
                row.email_change_token_new = self._steps.code_for(address)
            self._write_email_change(row)
        return self._steps.user(row)

    def _first_identities(self, row: UserRow) -> None:
        for provider, address in (("email", row.email), ("phone", row.phone)):
            if address:
                self._steps.add_identity(
                    row,
                    provider,
                    {
                        "sub": str(row.id),
                        provider: address,
                        "email_verified": False,
                        "phone_verified": False,
                    },
                )

    def _audit(
        self, row: UserRow, action: str, *, provider: Json = None, phone: bool = False
    ) -> None:
        traits: Metadata = {"user_id": str(row.id), "user_email": row.email or ""}
        if phone:
            traits["user_phone"] = row.phone or ""
        if provider:
            traits["provider"] = provider
        self._steps.audit(SERVICE, action, traits)
