"""Whose account an identity is: somebody's already, a new one, or one to be linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .claims import Claims
from .errors import AuthError, failure, refusing
from .rows import IdentityRow, UserRow
from .signup import SignUps


@dataclass(frozen=True, slots=True)
class Known:
    """The identity has signed in before."""

    row: UserRow
    identity: IdentityRow


@dataclass(frozen=True, slots=True)
class Link:
    """The identity is new, its verified address is a user's."""

    row: UserRow


@dataclass(frozen=True, slots=True)
class Create:
    """Nobody has this address; None when somebody has it but nobody vouches for this identity."""

    email: str | None


Decision: TypeAlias = Known | Link | Create


class Linking(SignUps):
    """The rules of automatic linking."""

    def _account_for(self, told: Claims, *, email_optional: bool) -> UserRow:
        """Find, link or create the user of this identity, and confirm them if it is vouched for.

        Raises AuthError; with the writes kept, when the address needs to be verified first.
        """
        decision = self._decide(told)
        email: str | None
        match decision:
            case Known(row, identity):
                email = row.email
                self._sign_in_again(row, identity, told)
            case Link(row):
                email = (told.email or "").lower()
                identity = self._link(row, told)
            case Create(email):
                row, identity = self._create(told, email)
        if row.banned_until and row.banned_until > self._steps.source.now():
            raise AuthError(403, "user_banned", "User is banned")
        has_email = told.provider != "web3" and not (email_optional and not email)
        if has_email and row.email_confirmed_at is None:
            self._confirm_by(row, identity, told, email)
        else:
            self._steps.audit(row, "login", {"provider": told.provider})
        return row

    def _decide(self, told: Claims) -> Decision:
        if identity := self._lookup.identity(told.subject, told.provider):
            return Known(self._lookup.by_id(identity.user_id), identity)
        email = None if told.email is None else told.email.lower()
        vouched = told.verified or self.settings.mailer_autoconfirm
        if email is None or not vouched:
            taken = self._lookup.duplicate(email or "")
            return Create(None if taken else email)
        sso = told.provider.startswith("sso:")
        alike = [
            identity.user_id
            for identity in self._lookup.similar_identities([email])
            if identity.provider == told.provider
            or not (sso or identity.provider.startswith("sso:"))
        ]
        users = [] if sso else self._lookup.similar_users([email])
        if len(set(alike)) > 1 or (not alike and len(users) > 1):
            domain = told.provider if sso else "default"
            raise failure(
                "Multiple accounts with the same email address in the same linking domain"
                f" detected: {domain}"
            )
        if alike:
            return Link(self._lookup.by_id(alike[0]))
        return Link(users[0]) if users else Create(email)

    def _sign_in_again(self, row: UserRow, identity: IdentityRow, told: Claims) -> None:
        identity.identity_data = told.metadata()
        self._steps.update_identity(identity, "identity_data", "last_sign_in_at")
        self._steps.merge_user_metadata(row, identity.identity_data)
        self._steps.follow_providers(row)

    def _link(self, row: UserRow, told: Claims) -> IdentityRow:
        self._steps.identities(row)
        identity = self._steps.add_identity(row, told.provider, told.metadata())
        self._steps.merge_user_metadata(row, identity.identity_data)
        self._steps.follow_providers(row)
        self._audit_identity(row, "identity_linked", identity)
        return identity

    def _create(self, told: Claims, email: str | None) -> tuple[UserRow, IdentityRow]:
        self._expect_open()
        metadata = told.metadata()
        row = self._newcomer(told.provider, metadata, email=email)
        row.is_sso_user = told.provider.startswith("sso:")
        self._steps.new_user(row)
        return row, self._steps.add_identity(row, told.provider, metadata)

    def _confirm_by(
        self, row: UserRow, identity: IdentityRow, told: Claims, email: str | None
    ) -> None:
        others = [other for other in self._steps.identities(row) if other.id != identity.id]
        with refusing("Error updating user"):
            self._steps.drop_unconfirmed(row, identity, others)
        if told.verified or self.settings.mailer_autoconfirm:
            self._steps.audit(row, "user_signedup", {"provider": told.provider})
            with refusing("Error updating user"):
                self._steps.confirm(row)
            return
        if email:
            with refusing("Error sending confirmation email"):
                self._steps.send(row, "confirmation_token", row.email or "")
        if not self.settings.allow_unverified_email_sign_ins:
            raise _unverified(told.provider, sent=bool(email))

    def _audit_identity(self, row: UserRow, action: str, identity: IdentityRow) -> None:
        traits = {
            "identity_id": str(identity.id),
            "provider": identity.provider,
            "provider_id": identity.provider_id,
        }
        self._steps.audit(row, action, traits, "127.0.0.1")


def _unverified(provider: str, *, sent: bool) -> AuthError:
    then = f"Verify the email with {provider} in order to sign in"
    if sent:
        then = f"A confirmation email has been sent to your {provider} email"
    told = f"Unverified email with {provider}. {then}"
    return AuthError(422, "provider_email_needs_verification", told, committed=True)
