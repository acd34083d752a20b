"""Signing in with what somebody else vouches for: OAuth, an id token, SAML, a wallet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack
from uuid import UUID

from . import claims, statements
from .claims import Claims, Profile
from .endpoint import endpoint
from .errors import AuthError, failure, granting, redirecting, refusing
from .linking import Linking
from .request_values import Json
from .rows import UserRow
from .user import Session, User

_INSERT_FLOW_STATE = statements.insert(
    "flow_state",
    *("auth_code", "auth_code_issued_at", "authentication_method", "code_challenge"),
    *("code_challenge_method", "created_at", "email_optional", "id", "invite_token"),
    *("linking_target_id", "oauth_client_state_id", "provider_access_token"),
    *("provider_refresh_token", "provider_type", "referrer", "updated_at", "user_id"),
)
_FOUND, _SEE_OTHER = 302, 303


class ExternalSignIns(Linking):
    """The OAuth callback, POST /token for id tokens and wallets, POST /sso/saml/acs."""

    @endpoint
    def sign_in_with_oauth(
        self,
        provider: str,
        *,
        email: str | None,
        verified: bool = True,
        **profile: Unpack[Profile],
    ) -> User:
        """Sign in with ``github``, ``google`` or ``apple``: go there, and come back.

        The same ``subject`` is the same account; it follows from the address if left out. An
        address that nobody vouches for raises AuthError although the user is committed, unless
        the settings allow it.
        """
        told = self._oauth_claims(provider, email, verified=verified, profile=profile)
        state = self._leave_for(provider, None)
        with redirecting(_FOUND):
            self._expect_email(told)
            with self.channel.transaction():
                row = self._account_for(told, email_optional=self.settings.email_optional)
                session = self._come_back(row, state)
        return self._steps.user(row, session)

    @endpoint
    def sign_in_with_id_token(
        self,
        provider: str,
        *,
        email: str | None,
        verified: bool = True,
        **profile: Unpack[Profile],
    ) -> User:
        """Sign in with an id token of ``google`` or ``apple``; raises AuthError."""
        told = self._oauth_claims(provider, email, verified=verified, profile=profile)
        with granting(), self.channel.transaction():
            row = self._account_for(told, email_optional=self.settings.email_optional)
            session = self._steps.sign_in(row, "oauth")
        return self._steps.user(row, session)

    @endpoint
    def sign_in_with_sso(
        self,
        email: str,
        *,
        provider: UUID | None = None,
        entity_id: str | None = None,
        subject: str | None = None,
        attributes: Mapping[str, Json] | None = None,
    ) -> User:
        """Sign in through SAML; addresses need not be unique among SSO users.

        Args:
            provider: the id of the identity provider; each email domain has its own if left out.
            entity_id: how the provider calls itself.
            subject: the user's NameID there.
            attributes: what the assertion says beyond the address.
        """
        told = claims.saml(
            email, provider=provider, entity_id=entity_id, subject=subject, attributes=attributes
        )
        with redirecting(_SEE_OTHER), self.channel.transaction():
            row = self._account_for(told, email_optional=False)
            ends = self._steps.source.now() + timedelta(days=1)
            with refusing("Unable to issue refresh token from SAML Assertion", whatever=True):
                session = self._steps.sign_in(row, "sso/saml", ends)
        return self._steps.user(row, session)

    @endpoint
    def sign_in_with_web3(
        self,
        chain: str = "solana",
        *,
        address: str | None = None,
        domain: str = "example.com",
        network: str = "",
        statement: str = "I accept the Terms of Service",
    ) -> User:
        """Sign in with a wallet on ``solana`` or ``ethereum``, a new one if no address is given."""
        if chain not in ("solana", "ethereum"):
            raise AuthError(400, "web3_unsupported_chain", "Unsupported chain")
        address = address or _new_address(chain, self._steps.source.id())
        told = claims.wallet(
            chain, address=address, domain=domain, network=network, statement=statement
        )
        traits: dict[str, Json] = {"chain": chain, "network": network, "address": address}
        traits |= {"provider": "web3", "domain": domain, "uri": f"https://{domain}/"}
        with granting(), self.channel.transaction():
            row = self._account_for(told, email_optional=True)
            self._steps.audit(row, "login", traits)
            session = self._steps.sign_in(row, "web3")
        return self._steps.user(row, session)

    def _oauth_claims(
        self, provider: str, email: str | None, *, verified: bool, profile: Profile
    ) -> Claims:
        seed = str(self._steps.source.id())
        return claims.oauth(provider, email=email, verified=verified, seed=seed, profile=profile)

    def _expect_email(self, told: Claims) -> None:
        if told.email is None and not self.settings.email_optional:
            raise failure("Error getting user email from external provider")

    def _leave_for(self, provider: str, target: UserRow | None) -> UUID:
        """Remember, before the browser leaves for the provider, what it leaves for."""
        state = self._steps.source.id()
        now = self._steps.source.now()
        values = [None, None, "oauth", None, None, now, self.settings.email_optional, state, None]
        linking = target.id if target else None
        values += [linking, None, "", "", provider, self.settings.site_url, now, None]
        with refusing("Error creating flow state"):
            self.channel.run_alone(_INSERT_FLOW_STATE, values)
        return state

    def _come_back(self, row: UserRow, state: UUID) -> Session:
        """Sign the user in, and forget what the browser had left for."""
        try:
            session = self._steps.sign_in(row, "oauth")
            self.channel.settle()
        except AuthError as error:
            told = f"{error.status}: {error.message}"
            raise AuthError(error.status, "server_error", told) from error.__cause__
        self.channel.run(statements.delete("flow_state", "id"), [state])
        return session


def _new_address(chain: str, seed: UUID) -> str:
    if chain == "ethereum":
        return f"0x{seed.hex}{seed.hex[:8]}"
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, letters = seed.int * seed.int, ""
    while len(letters) < 44:
        number, rest = divmod(number, 58)
        letters += alphabet[rest]
    return letters
