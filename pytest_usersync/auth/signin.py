"""Sign-ins with a password, a code or a refresh token: ``POST /token``, ``/otp``, ``/recover``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from . import lookup, signup, statements, steps, writes
from .context import AuthContext
from .errors import AuthError, invalid, refusing
from .request_values import (
    Json,
    email_address,
    json_object,
    optional_email,
    optional_phone,
    plain_phone,
)
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


def sign_in_with_password(
    context: AuthContext,
    email: str | None = None,
    *,
    phone: str | None = None,
    password: str = PASSWORD,
) -> User:
    """Sign in with an address or a number, and the password; raises AuthError.

    A password hash that was made elsewhere cannot be checked here and is taken on trust.
    """
    unreadable = "Database error querying schema"
    if email:
        row = lookup.by_email(context, email, unreadable)
    elif phone:
        row = lookup.by_phone(context, plain_phone(phone), unreadable)
    else:
        raise invalid("missing email or phone")
    # The server's order, which decides the error that a client sees: a ban before the password.
    if row is None or not row.encrypted_password:
        raise AuthError(400, "invalid_credentials", "Invalid login credentials")
    if lookup.banned(context, row):
        raise AuthError(400, "user_banned", "User is banned")
    if not password_matches(password, row.encrypted_password):
        raise AuthError(400, "invalid_credentials", "Invalid login credentials")
    if email and row.email_confirmed_at is None:
        raise AuthError(400, "email_not_confirmed", "Email not confirmed")
    if not email and row.phone_confirmed_at is None:
        raise AuthError(400, "phone_not_confirmed", "Phone not confirmed")
    with context.channel.transaction():
        writes.audit(context, row, "login", {"provider": "email" if email else "phone"})
        session = steps.sign_in(context, row, "password")
    return steps.user(context, row, session)


def sign_in_with_otp(
    context: AuthContext,
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
    email, phone = optional_email(email), optional_phone(phone)
    if not email and not phone:
        raise invalid("One of email or phone must be set")
    row = lookup.by_email(context, email) if email else lookup.by_phone(context, phone or "")
    if row is None and not should_create_user:
        raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
    if email:
        return _magic_link(context, email, metadata, row)
    return _sms_code(context, phone or "", metadata, row)


def reset_password(context: AuthContext, email: str) -> User | None:
    """Send a link to set a new password; None, and no error, when nobody has the address."""
    row = lookup.by_email(context, email_address(email), "Unable to process request")
    if row is None:
        return None
    return send_recovery(context, row, "Error sending recovery email")


def refresh_session(context: AuthContext, refresh_token: str) -> User:
    """Exchange the refresh token for a new one; raises AuthError.

    A used token is good for as long as the one that followed it has not been used.
    """
    if not (found := context.channel.rows(_TOKEN, [refresh_token])):
        told = "Invalid Refresh Token: Refresh Token Not Found"
        raise AuthError(400, "refresh_token_not_found", told)
    row = lookup.by_id(context, UUID(found[0]["user_id"]))
    if lookup.banned(context, row):
        raise AuthError(400, "user_banned", "Invalid Refresh Token: User Banned")
    session: UUID = found[0]["session_id"]
    with context.channel.transaction():
        issued = _issued_already(context, found[0]) if found[0]["revoked"] else None
        writes.audit(context, row, "token_refreshed")
        token = issued or _swap(context, row, session, refresh_token)
        now = context.source.now()
        values = [steps.IP, steps.naive(now), now, steps.USER_AGENT, session]
        with refusing("failed to update session information"):
            context.channel.run(_TOUCH_SESSION, values)
    return steps.user(context, row, Session(session, token))


def send_recovery(context: AuthContext, row: UserRow, refusal: str) -> User:
    """Send a link that signs in; ``refusal`` is the answer when the database refuses."""
    with context.channel.transaction():
        writes.audit(context, row, "user_recovery_requested")
        with refusing(refusal):
            steps.send(context, row, "recovery_token", row.email or "")
    return steps.user(context, row)


def _magic_link(
    context: AuthContext, email: str, metadata: Mapping[str, Json], row: UserRow | None
) -> User:
    if row is None or row.email_confirmed_at is None:
        user = signup.sign_up(context, email, data=metadata)
        if not context.settings.mailer_autoconfirm:
            return user  # The confirmation link signs in as well.
        row = lookup.by_email(context, user.email or email)
        if row is None:
            return user
    return send_recovery(context, row, "Error sending magic link email")


def _sms_code(
    context: AuthContext, phone: str, metadata: Mapping[str, Json], row: UserRow | None
) -> User:
    if row is None or row.phone_confirmed_at is None:
        user = signup.sign_up_phone(context, phone, data=metadata)
        if not context.settings.sms_autoconfirm:
            return user
        row = lookup.by_phone(context, user.phone or phone)
        if row is None:
            return user
    with context.channel.transaction():
        writes.audit(context, row, "user_recovery_requested", {"channel": "sms"})
        steps.send(context, row, "confirmation_token", phone)
    return steps.user(context, row)


def _swap(context: AuthContext, row: UserRow, session: UUID, spent: str) -> str:
    token = context.source.token()
    writes.audit(context, row, "token_revoked")
    context.channel.run(_REVOKE, [True, context.source.now(), spent])
    steps.insert_refresh_token(context, row, session, token, spent)
    # The value stays, but the server writes it, so triggers for UPDATE fire at every refresh.
    writes.update(context, row, "last_sign_in_at")
    return token


def _issued_already(context: AuthContext, spent: Mapping[str, object]) -> str | None:
    """Return the token to hand out again for a spent one, None for a new one.

    Raises AuthError, and revokes the whole family, when the spent one is too old.
    """
    active = context.channel.rows(_ACTIVE, [spent["session_id"]])
    if active and active[0]["parent"] == spent["token"]:
        return str(active[0]["token"])
    used_at = spent["updated_at"]
    now = context.source.now()
    if (
        isinstance(used_at, datetime)
        and now > used_at + context.settings.refresh_token_reuse_interval
    ):
        context.channel.run(_REVOKE_FAMILY, [True, now, spent["session_id"], False])
        told = "Invalid Refresh Token: Already Used"
        raise AuthError(400, "refresh_token_already_used", told, committed=True)
    return None
