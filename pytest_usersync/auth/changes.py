"""Changes of a user's email, phone number and password, which several flows write."""

from __future__ import annotations

from uuid import UUID

from . import steps, writes
from .context import AuthContext
from .errors import refusing
from .rows import IdentityRow, Metadata, UserRow


def change_email(context: AuthContext, row: UserRow) -> None:
    """Make the address that the user has changed to theirs."""
    writes.audit(context, row, "user_modified")
    email = row.email_change
    prove_address(context, row, "email", {"email": email, "email_verified": True})
    # A statement of its own, before the one with the email: a trigger sees the email still NULL.
    writes.make_permanent(context, row)
    with refusing("Error confirm email"):
        row.email, row.email_change, row.email_change_confirm_status = email, "", 0
        row.email_change_token_current = row.email_change_token_new = ""
        tokens = ("email_change_token_current", "email_change_token_new")
        writes.update(context, row, "email", "email_change", "email_change_confirm_status", *tokens)
        steps.clear_tokens(context, row)
        if row.email_confirmed_at is None:
            steps.confirm(context, row)
        identity = own_identity(context, row, "email")
        if identity and "email" in identity.identity_data:
            identity.identity_data["email"] = email
            writes.update_identity(context, identity, "identity_data")


def change_phone(context: AuthContext, row: UserRow) -> None:
    """Make the number that the user has changed to theirs."""
    writes.audit(context, row, "user_modified")
    phone = row.phone_change
    prove_address(context, row, "phone", {"phone": phone, "phone_verified": True})
    with refusing("Error confirming user"):
        row.phone, row.phone_change, row.phone_change_token = phone, "", ""
        row.phone_confirmed_at = context.source.now()
        columns = ("phone", "phone_change", "phone_change_token", "phone_confirmed_at")
        writes.update(context, row, *columns)
        steps.clear_tokens(context, row)
        if identity := own_identity(context, row, "phone"):
            identity.identity_data["phone"] = phone
            writes.update_identity(context, identity, "identity_data")
    # Behind the phone number, other than with an email.
    writes.make_permanent(context, row)


def write_email_change(context: AuthContext, row: UserRow) -> None:
    """Write a wanted email change and store the tokens that confirm it."""
    tokens = ("email_change_token_current", "email_change_token_new")
    begun = ("email_change", "email_change_confirm_status", "email_change_sent_at")
    writes.update(context, row, *begun, *tokens)
    if row.email_change_token_current:
        steps.store_token(context, row, tokens[0], row.email or "")
    if row.email_change_token_new:
        steps.store_token(context, row, tokens[1], row.email_change)


def store_password(context: AuthContext, row: UserRow, session: UUID | None) -> None:
    """Write the password; end what was begun with the old one, but for this session."""
    steps.forget_tokens(context, row, "encrypted_password")
    steps.sign_out(context, row, besides=session)


def prove_address(context: AuthContext, row: UserRow, provider: str, proved: Metadata) -> None:
    """Write what was proved into the identity, a new one if need be."""
    if identity := own_identity(context, row, provider):
        writes.merge_identity_data(context, identity, proved)
        return
    claims: Metadata = {"sub": str(row.id), "email_verified": False, "phone_verified": False}
    writes.add_identity(context, row, provider, claims | proved)


def own_identity(context: AuthContext, row: UserRow, provider: str) -> IdentityRow | None:
    """Return the identity that the user has by their own address or number."""
    subject = str(row.id)
    for identity in writes.identities(context, row):
        if identity.provider == provider and identity.provider_id == subject:
            return identity
    return None
