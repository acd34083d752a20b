"""Verification of links and codes: ``POST /verify``."""

from __future__ import annotations

from typing import Literal, TypeAlias

from . import changes, lookup, steps, writes
from .context import AuthContext
from .errors import AuthError, invalid, refusing
from .request_values import email_address, phone_number
from .rows import UserRow
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


def verify(
    context: AuthContext,
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
    with context.channel.transaction():
        row = _owner(context, type, token_hash, address)
        kind = next(kind for kind in _KINDS[type] if getattr(row, kind) == token_hash)
        if type == "sms":
            _confirm_phone(context, row)
        elif type == "phone_change":
            changes.change_phone(context, row)
        elif type == "email_change":
            if _first_of_two(context, row):
                _confirm_first(context, row, kind)
                return steps.user(context, row)
            changes.change_email(context, row)
        elif kind == "recovery_token":
            _recover(context, row)
        else:
            _verify_signup(context, row)
        writes.follow_providers(context, row)
        session = steps.sign_in(context, row, "otp")
    return steps.user(context, row, session)


def _owner(context: AuthContext, type: str, hashed: str, address: str | None) -> UserRow:  # noqa: A002
    """Return whom the token was sent to; raises AuthError when it is unknown or too old."""
    if type == "phone_change" and address:
        row = lookup.by_new_phone(context, address)
    elif type == "sms" and address:
        row = lookup.by_phone(context, address)
    elif address and type != "email_change":
        row = lookup.by_email(context, address)
    else:
        row = lookup.by_token(context, hashed, *_KINDS[type])
    told = "Email link is invalid or has expired"
    if address:
        told = "Token has expired or is invalid"
    if row is None:
        raise AuthError(403, "otp_expired", told)
    if lookup.banned(context, row):
        raise AuthError(403, "user_banned", "User is banned")
    if not any(_good(context, row, kind, hashed) for kind in _KINDS[type]):
        raise AuthError(403, "otp_expired", told)
    return row


def _good(context: AuthContext, row: UserRow, kind: str, hashed: str) -> bool:
    column = "email_change" if kind.startswith("email_change") else kind.removesuffix("_token")
    sent_at = getattr(row, f"{column}_sent_at")
    if getattr(row, kind) != hashed or sent_at is None:
        return False
    return bool(context.source.now() <= sent_at + context.settings.otp_expiry)


def _verify_signup(context: AuthContext, row: UserRow) -> None:
    if not row.encrypted_password and row.invited_at:
        # Whoever was invited gets a password nobody knows, until they set their own.
        row.encrypted_password = context.source.password_hash(context.source.token())
        with refusing("Error storing password"):
            changes.store_password(context, row, None)
    writes.audit(context, row, "user_signedup", {"provider": "email"})
    with refusing("Error confirming user"):
        steps.confirm(context, row)
    for identity in writes.identities(context, row):
        if identity.email and identity.email == row.email:
            with refusing("Error setting email_verified to true on identity"):
                writes.merge_identity_data(context, identity, {"email_verified": True})


def _recover(context: AuthContext, row: UserRow) -> None:
    with refusing("Database error updating user", whatever=True):
        row.recovery_token = ""
        writes.update(context, row, "recovery_token")
        steps.clear_tokens(context, row)
        if row.email_confirmed_at is None:
            writes.audit(context, row, "user_signedup", {"provider": "email"})
            steps.confirm(context, row)
        else:
            writes.audit(context, row, "login")


def _confirm_phone(context: AuthContext, row: UserRow) -> None:
    writes.audit(context, row, "user_signedup", {"provider": "phone"})
    with refusing("Error confirming user"):
        steps.confirm_phone(context, row)
    writes.make_permanent(context, row)


def _first_of_two(context: AuthContext, row: UserRow) -> bool:
    # One confirmation is enough where addresses are not confirmed, or when there was none before.
    return (
        not context.settings.mailer_autoconfirm
        and context.settings.secure_email_change
        and row.email_change_confirm_status == 0
        and row.email is not None
    )


def _confirm_first(context: AuthContext, row: UserRow, kind: str) -> None:
    row.email_change_confirm_status = 1
    setattr(row, kind, "")
    steps.clear_token(context, row, kind)
    columns = ("email_change_token_current", "email_change_token_new")
    writes.update(context, row, "email_change_confirm_status", *columns)


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
