"""Automatic linking: which user an identity belongs to, a known one or a new one."""

from __future__ import annotations

from . import lookup, signup, steps, writes
from .claims import Claims
from .context import AuthContext
from .errors import AuthError, failure, refusing
from .rows import IdentityRow, UserRow, signup_row


def account_for(context: AuthContext, told: Claims, *, email_optional: bool) -> UserRow:
    """Find, link or create the user of this identity, and confirm them if it is vouched for.

    Raises AuthError; with the writes kept, when the address needs to be verified first.
    """
    email = told.email and told.email.lower()
    if identity := lookup.identity(context, told.subject, told.provider):
        row = lookup.by_id(context, identity.user_id)
        email = row.email
        _sign_in_again(context, row, identity, told)
    elif known := _user_to_link(context, told, email):
        row, identity = known, _link(context, known, told)
    else:
        email = _email_to_create(context, told, email)
        row, identity = _create(context, told, email)
    if lookup.banned(context, row):
        raise AuthError(403, "user_banned", "User is banned")
    has_email = told.provider != "web3" and not (email_optional and not email)
    if has_email and row.email_confirmed_at is None:
        _confirm_by(context, row, identity, told, email)
    else:
        writes.audit(context, row, "login", {"provider": told.provider})
    return row


def _user_to_link(context: AuthContext, told: Claims, email: str | None) -> UserRow | None:
    """Return the user who has the address already, if the provider vouches for it."""
    if email is None or not _vouched(context, told):
        return None
    # The provider of one company must not get at users that others vouch for: an SSO identity
    # links only to users of the same SSO provider.
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
        return lookup.by_id(context, alike[0])
    return users[0] if users else None


def _email_to_create(context: AuthContext, told: Claims, email: str | None) -> str | None:
    """Return the address of the new user: none when an address without proof is taken."""
    if email is not None and _vouched(context, told):
        return email
    return None if lookup.duplicate(context, email or "") else email


def _vouched(context: AuthContext, told: Claims) -> bool:
    return told.verified or context.settings.mailer_autoconfirm


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
    row = signup_row(context.source, told.provider, metadata, email=email)
    row.is_sso_user = told.provider.startswith("sso:")
    steps.new_user(context, row)
    return row, writes.add_identity(context, row, told.provider, metadata)


def _confirm_by(
    context: AuthContext, row: UserRow, identity: IdentityRow, told: Claims, email: str | None
) -> None:
    others = [other for other in writes.identities(context, row) if other.id != identity.id]
    with refusing("Error updating user"):
        steps.drop_unconfirmed(context, row, identity, others)
    if _vouched(context, told):
        writes.audit(context, row, "user_signedup", {"provider": told.provider})
        with refusing("Error updating user"):
            steps.confirm(context, row)
        return
    if email:
        with refusing("Error sending confirmation email"):
            steps.send(context, row, "confirmation_token", row.email or "")
    if not context.settings.allow_unverified_email_sign_ins:
        raise unverified(told.provider, sent=bool(email))


def audit_identity(context: AuthContext, row: UserRow, action: str, identity: IdentityRow) -> None:
    """Write an audit entry about an identity of the user."""
    traits = {
        "identity_id": str(identity.id),
        "provider": identity.provider,
        "provider_id": identity.provider_id,
    }
    writes.audit(context, row, action, traits, steps.IP)


def unverified(
    provider: str, *, sent: bool, code: str = "provider_email_needs_verification"
) -> AuthError:
    """Return the refusal of an unverified email; what was written so far stays."""
    then = f"Verify the email with {provider} in order to sign in"
    if sent:
        then = f"A confirmation email has been sent to your {provider} email"
    told = f"Unverified email with {provider}. {then}"
    return AuthError(422, code, told, committed=True)
