"""Automatic linking: which user an identity belongs to, a known one or a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from . import lookup, signup, steps, writes
from .claims import Claims
from .context import AuthContext
from .errors import AuthError, failure, refusing
from .rows import IdentityRow, UserRow


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


def account_for(context: AuthContext, told: Claims, *, email_optional: bool) -> UserRow:
    """Find, link or create the user of this identity, and confirm them if it is vouched for.

    Raises AuthError; with the writes kept, when the address needs to be verified first.
    """
    decision = _decide(context, told)
    email: str | None
    match decision:
        case Known(row, identity):
            email = row.email
            _sign_in_again(context, row, identity, told)
        case Link(row):
            email = (told.email or "").lower()
            identity = _link(context, row, told)
        case Create(email):
            row, identity = _create(context, told, email)
    if row.banned_until and row.banned_until > context.source.now():
        raise AuthError(403, "user_banned", "User is banned")
    has_email = told.provider != "web3" and not (email_optional and not email)
    if has_email and row.email_confirmed_at is None:
        _confirm_by(context, row, identity, told, email)
    else:
        writes.audit(context, row, "login", {"provider": told.provider})
    return row


def _decide(context: AuthContext, told: Claims) -> Decision:
    if identity := lookup.identity(context, told.subject, told.provider):
        return Known(lookup.by_id(context, identity.user_id), identity)
    email = None if told.email is None else told.email.lower()
    vouched = told.verified or context.settings.mailer_autoconfirm
    if email is None or not vouched:
        taken = lookup.duplicate(context, email or "")
        return Create(None if taken else email)
    sso = told.provider.startswith("sso:")
    alike = [
        identity.user_id
        for identity in lookup.similar_identities(context, [email])
        if identity.provider == told.provider or not (sso or identity.provider.startswith("sso:"))
    ]
    users = [] if sso else lookup.similar_users(context, [email])
    if len(set(alike)) > 1 or (not alike and len(users) > 1):
        domain = told.provider if sso else "default"
        raise failure(
            "Multiple accounts with the same email address in the same linking domain"
            f" detected: {domain}"
        )
    if alike:
        return Link(lookup.by_id(context, alike[0]))
    return Link(users[0]) if users else Create(email)


def _sign_in_again(context: AuthContext, row: UserRow, identity: IdentityRow, told: Claims) -> None:
    identity.identity_data = told.metadata()
    writes.update_identity(context, identity, "identity_data", "last_sign_in_at")
    writes.merge_user_metadata(context, row, identity.identity_data)
    writes.follow_providers(context, row)


def _link(context: AuthContext, row: UserRow, told: Claims) -> IdentityRow:
    writes.identities(context, row)
    identity = writes.add_identity(context, row, told.provider, told.metadata())
    writes.merge_user_metadata(context, row, identity.identity_data)
    writes.follow_providers(context, row)
    audit_identity(context, row, "identity_linked", identity)
    return identity


def _create(context: AuthContext, told: Claims, email: str | None) -> tuple[UserRow, IdentityRow]:
    signup.expect_open(context)
    metadata = told.metadata()
    row = signup.new_row(context, told.provider, metadata, email=email)
    row.is_sso_user = told.provider.startswith("sso:")
    steps.new_user(context, row)
    return row, writes.add_identity(context, row, told.provider, metadata)


def _confirm_by(
    context: AuthContext, row: UserRow, identity: IdentityRow, told: Claims, email: str | None
) -> None:
    others = [other for other in writes.identities(context, row) if other.id != identity.id]
    with refusing("Error updating user"):
        steps.drop_unconfirmed(context, row, identity, others)
    if told.verified or context.settings.mailer_autoconfirm:
        writes.audit(context, row, "user_signedup", {"provider": told.provider})
        with refusing("Error updating user"):
            steps.confirm(context, row)
        return
    if email:
        with refusing("Error sending confirmation email"):
            steps.send(context, row, "confirmation_token", row.email or "")
    if not context.settings.allow_unverified_email_sign_ins:
        raise _unverified(told.provider, sent=bool(email))


def audit_identity(context: AuthContext, row: UserRow, action: str, identity: IdentityRow) -> None:
    """Write an audit entry about an identity of the user."""
    traits = {
        "identity_id": str(identity.id),
        "provider": identity.provider,
        "provider_id": identity.provider_id,
    }
    writes.audit(context, row, action, traits, steps.IP)


def _unverified(provider: str, *, sent: bool) -> AuthError:
    then = f"Verify the email with {provider} in order to sign in"
    if sent:
        then = f"A confirmation email has been sent to your {provider} email"
    told = f"Unverified email with {provider}. {then}"
    return AuthError(422, "provider_email_needs_verification", told, committed=True)
