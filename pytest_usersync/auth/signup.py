"""Signups with an email, with a phone number, or as an anonymous user: ``POST /signup``."""

from __future__ import annotations

from collections.abc import Mapping

from . import lookup, steps, writes
from .context import AuthContext
from .errors import AuthError, refusing
from .request_values import Json, email_address, json_object, phone_number, strong_password
from .rows import Metadata, UserRow, signup_row
from .user import Session, User

PASSWORD = "correct horse battery staple"


def sign_up(
    context: AuthContext,
    email: str,
    *,
    password: str = PASSWORD,
    data: Mapping[str, Json] | None = None,
) -> User:
    """Sign up with an email address and a password.

    An address that waits for its confirmation gets a new link; password and data are then
    ignored. A confirmed one is refused when the server confirms by itself; otherwise the
    answer is a user who does not exist. Raises AuthError.
    """
    expect_open(context)
    strong_password(password, context.settings.password_min_length)
    metadata = json_object(data, "SignupParams.data")
    email = email_address(email)
    known = lookup.duplicate(context, email)
    row = known or signup_row(context.source, "email", metadata, email=email, password=password)
    if known and known.email_confirmed_at:
        return _repeated(context, known, "email", metadata)
    with context.channel.transaction():
        _enrol(context, row, "email", metadata, new=known is None)
        if context.settings.mailer_autoconfirm:
            writes.audit(context, row, "user_signedup", {"provider": "email"})
            with refusing("Database error updating user"):
                steps.confirm(context, row)
        else:
            writes.audit(context, row, "user_confirmation_requested", {"provider": "email"})
            with refusing("Error sending confirmation email"):
                steps.send(context, row, "confirmation_token", row.email or "")
    return steps.user(context, row, _first_session(context, row, "email"))


def sign_up_phone(
    context: AuthContext,
    phone: str,
    *,
    password: str = PASSWORD,
    data: Mapping[str, Json] | None = None,
) -> User:
    """Sign up with a phone number and a password; raises AuthError."""
    expect_open(context)
    strong_password(password, context.settings.password_min_length)
    metadata = json_object(data, "SignupParams.data")
    phone = phone_number(phone)
    known = lookup.by_phone(context, phone)
    row = known or signup_row(context.source, "phone", metadata, phone=phone, password=password)
    if known and known.phone_confirmed_at:
        return _repeated(context, known, "phone", metadata)
    with context.channel.transaction():
        _enrol(context, row, "phone", metadata, new=known is None)
        if context.settings.sms_autoconfirm:
            traits = {"provider": "phone", "channel": "sms"}
            writes.audit(context, row, "user_signedup", traits)
            with refusing("Database error updating user"):
                steps.confirm_phone(context, row)
        else:
            writes.audit(context, row, "user_confirmation_requested", {"provider": "phone"})
            steps.send(context, row, "confirmation_token", phone)
    return steps.user(context, row, _first_session(context, row, "phone"))


def sign_in_anonymously(context: AuthContext, *, data: Mapping[str, Json] | None = None) -> User:
    """Sign in as a new user without any address; raises AuthError."""
    expect_open(context)
    metadata = json_object(data, "SignupParams.data")
    row = signup_row(context.source, "", metadata)
    row.raw_app_meta_data = {}
    row.is_anonymous = True
    told = "Database error creating anonymous user"
    with refusing(told, whatever=True), context.channel.transaction():
        # No row of a session depends on what a trigger changed, so both go in one trip.
        steps.new_user(context, row, ahead=True)
        session = steps.sign_in(context, row, "anonymous")
    return steps.user(context, row, session)


def expect_open(context: AuthContext) -> None:
    """Raise AuthError when nobody new may sign up."""
    if context.settings.disable_signup:
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")


def _enrol(
    context: AuthContext, row: UserRow, provider: str, metadata: Metadata, *, new: bool
) -> None:
    """Insert the user if new; give them their identity if they have none yet."""
    if new:
        steps.new_user(context, row)
    elif lookup.identity(context, str(row.id), provider):
        return
    claims: Metadata = {"sub": str(row.id)}
    if row.email:
        claims["email"] = row.email
    claims |= {"email_verified": False, "phone_verified": False}
    others = list(writes.identities(context, row))
    # The claims come last: a client may send a `sub` or an `email` among its data.
    identity = writes.add_identity(context, row, provider, {**metadata, **claims})
    steps.drop_unconfirmed(context, row, identity, others)


def _repeated(context: AuthContext, row: UserRow, provider: str, metadata: Metadata) -> User:
    """Answer a signup with a confirmed address without giving away that it is known."""
    with context.channel.transaction():
        writes.audit(context, row, "user_repeated_signup", {"provider": provider})
    # Where a signup signs in at once, the missing session would give it away anyhow.
    if context.settings.mailer_autoconfirm or context.settings.sms_autoconfirm:
        raise AuthError(422, "user_already_exists", "User already registered")
    nobody = signup_row(context.source, provider, metadata)
    nobody.email = row.email if provider == "email" else None
    nobody.phone = row.phone if provider == "phone" else None
    return steps.user(context, nobody)


def _first_session(context: AuthContext, row: UserRow, provider: str) -> Session | None:
    """Sign the user in at once, in a second transaction, if the signup confirmed them."""
    if not (row.email_confirmed_at or row.phone_confirmed_at):
        return None
    with context.channel.transaction():
        writes.audit(context, row, "login", {"provider": provider})
        return steps.sign_in(context, row, "password")
