"""Sign-ins that a provider vouches for: OAuth, an id token, SAML, a wallet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack
from uuid import UUID

from . import claims, linking, statements, steps, writes
from .claims import Claims, Profile
from .context import AuthContext
from .errors import AuthError, failure, granting, redirecting, refusing
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


def sign_in_with_oauth(
    context: AuthContext,
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
    told = claims.oauth(context.source, provider, email=email, verified=verified, profile=profile)
    # The server writes it, and commits, before it knows whether the provider gives an email.
    state = insert_flow_state(context, provider, None)
    with redirecting(_FOUND):
        expect_email(context, told)
        with context.channel.transaction():
            row = linking.account_for(context, told, email_optional=context.settings.email_optional)
            session = finish_flow(context, row, state)
    return steps.user(context, row, session)


def sign_in_with_id_token(
    context: AuthContext,
    provider: str,
    *,
    email: str | None,
    verified: bool = True,
    **profile: Unpack[Profile],
) -> User:
    """Sign in with an id token of ``google`` or ``apple``; raises AuthError."""
    told = claims.oauth(context.source, provider, email=email, verified=verified, profile=profile)
    with granting(), context.channel.transaction():
        row = linking.account_for(context, told, email_optional=context.settings.email_optional)
        session = steps.sign_in(context, row, "oauth")
    return steps.user(context, row, session)


def sign_in_with_sso(
    context: AuthContext,
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
    with redirecting(_SEE_OTHER), context.channel.transaction():
        row = linking.account_for(context, told, email_optional=False)
        ends = context.source.now() + timedelta(days=1)
        with refusing("Unable to issue refresh token from SAML Assertion", whatever=True):
            session = steps.sign_in(context, row, "sso/saml", ends)
    return steps.user(context, row, session)


def sign_in_with_web3(
    context: AuthContext,
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
    address = address or _new_address(chain, context.source.id())
    told = claims.wallet(
        chain, address=address, domain=domain, network=network, statement=statement
    )
    traits: dict[str, Json] = {"chain": chain, "network": network, "address": address}
    traits |= {"provider": "web3", "domain": domain, "uri": f"https://{domain}/"}
    with granting(), context.channel.transaction():
        row = linking.account_for(context, told, email_optional=True)
        writes.audit(context, row, "login", traits)
        session = steps.sign_in(context, row, "web3")
    return steps.user(context, row, session)


def expect_email(context: AuthContext, told: Claims) -> None:
    """Raise AuthError when the provider gives no email and the settings ask for one."""
    if told.email is None and not context.settings.email_optional:
        raise failure("Error getting user email from external provider")


def insert_flow_state(context: AuthContext, provider: str, target: UserRow | None) -> UUID:
    """Write what the browser goes to the provider for, before it goes; return its id."""
    state, now = context.source.id(), context.source.now()
    settings, user_id = context.settings, target.id if target else None
    values = [None, None, "oauth", None, None, now, settings.email_optional, state, None]
    values += [user_id, None, "", "", provider, settings.site_url, now, None]
    with refusing("Error creating flow state"):
        context.channel.run_alone(_INSERT_FLOW_STATE, values)
    return state


def finish_flow(context: AuthContext, row: UserRow, state: UUID) -> Session:
    """Sign in the user who comes back from the provider, and delete the flow state."""
    try:
        session = steps.sign_in(context, row, "oauth")
        # A refusal of what is on its way must be known here, where it gets another answer.
        context.channel.settle()
    except AuthError as error:
        told = f"{error.status}: {error.message}"
        raise AuthError(error.status, "server_error", told) from error.__cause__
    context.channel.run(statements.delete("flow_state", "id"), [state])
    return session


def _new_address(chain: str, seed: UUID) -> str:
    if chain == "ethereum":
        return f"0x{seed.hex}{seed.hex[:8]}"
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    # An address has 256 bits, a UUID half of them.
    number, letters = seed.int * seed.int, ""
    while len(letters) < 44:
        number, rest = divmod(number, 58)
        letters += alphabet[rest]
    return letters
