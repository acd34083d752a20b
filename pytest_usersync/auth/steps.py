"""The steps that flows share. Each writes what the server writes, in its order."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from . import statements, writes
from .context import AuthContext
from .errors import refusing
from .rows import NIL_UUID, TOKEN_COLUMNS, IdentityRow, UserRow
from .source import token_hash
from .user import Session, Token, User

_INSERT_TOKEN = statements.insert(
    "one_time_tokens",
    *("created_at", "id", "relates_to", "token_hash", "token_type", "updated_at", "user_id"),
)
_INSERT_SESSION = statements.insert(
    "sessions",
    *("aal", "created_at", "factor_id", "id", "ip", "not_after", "oauth_client_id"),
    *("refresh_token_counter", "refresh_token_hmac_key", "refreshed_at", "scopes", "tag"),
    *("updated_at", "user_agent", "user_id"),
)
_INSERT_REFRESH_TOKEN = statements.insert(
    "refresh_tokens",
    *("created_at", "instance_id", "parent", "revoked", "session_id", "token", "updated_at"),
    "user_id",
)
_INSERT_AMR = statements.insert(
    "mfa_amr_claims",
    *("id", "session_id", "created_at", "updated_at", "authentication_method"),
    ending=" on conflict on constraint mfa_amr_claims_session_id_authentication_method_pkey"
    " do update set updated_at = %s",
)
IP = "127.0.0.1"
USER_AGENT = "pytest-usersync"


def new_user(context: AuthContext, row: UserRow, *, ahead: bool = False) -> None:
    """Insert the user, set the role, and read the row again, for triggers may change it.

    Args:
        ahead: whether what comes next does not depend on what is read.
    """
    with refusing("Database error saving new user"):
        writes.insert_user(context, row)
    with refusing("Database error updating user"):
        writes.set_role(context, row, "authenticated")
    with refusing("Database error loading user after sign-up"):
        writes.reload(context, row, later=ahead)


def drop_unconfirmed(
    context: AuthContext, row: UserRow, identity: IdentityRow, others: list[IdentityRow]
) -> None:
    """Trust nothing that came before this identity: password, metadata, other identities."""
    # A stranger may have signed up first with this address. Their password must not work once
    # the owner has confirmed the address.
    if identity.provider not in ("email", "phone"):
        row.encrypted_password = None
        writes.update(context, row, "encrypted_password")
    row.raw_user_meta_data = identity.identity_data
    # A copy, because a null among them is removed from the object itself.
    writes.merge_user_metadata(context, row, dict(identity.identity_data))
    for other in others:
        writes.remove_identity(context, row, other)
    writes.follow_providers(context, row)


def confirm(context: AuthContext, row: UserRow) -> None:
    """Confirm the email: now, or anew."""
    row.confirmation_token = ""
    row.email_confirmed_at = context.source.now()
    writes.update(context, row, "confirmation_token", "email_confirmed_at")
    writes.merge_user_metadata(context, row, {"email_verified": True})
    clear_tokens(context, row)


def confirm_phone(context: AuthContext, row: UserRow) -> None:
    """Confirm the phone number: now, or anew."""
    row.confirmation_token = ""
    row.phone_confirmed_at = context.source.now()
    writes.update(context, row, "confirmation_token", "phone_confirmed_at")
    clear_tokens(context, row)


def clear_tokens(context: AuthContext, row: UserRow) -> None:
    """Delete all one-time tokens of the user."""
    context.channel.run(statements.delete("one_time_tokens", "user_id"), [row.id])


def forget_tokens(context: AuthContext, row: UserRow, *also: str) -> None:
    """Empty all tokens of the user and their times, write that, and delete the one-time tokens.

    Args:
        also: columns written in the same statement.
    """
    for column in TOKEN_COLUMNS:
        setattr(row, column, None if column.endswith("_at") else "")
    writes.update(context, row, *sorted((*TOKEN_COLUMNS, *also)))
    clear_tokens(context, row)


def clear_token(context: AuthContext, row: UserRow, kind: str) -> None:
    """Delete the user's one-time token of this kind."""
    statement = statements.delete("one_time_tokens", "token_type", "user_id")
    context.channel.run(statement, [kind, row.id])


def sign_out(context: AuthContext, row: UserRow, besides: UUID | None = None) -> None:
    """Delete the user's sessions; their tokens go with them."""
    if besides is None:
        context.channel.run(statements.delete("sessions", "user_id"), [row.id])
    else:
        statement = statements.delete("sessions", "user_id", unlike=("id",))
        context.channel.run(statement, [besides, row.id])


def code_for(context: AuthContext, address: str) -> str:
    """Send a code to the address; returns its hash, which is what the database sees."""
    otp = context.source.otp()
    hashed = token_hash(address, otp)
    context.codes[hashed] = otp
    return hashed


def store_token(context: AuthContext, row: UserRow, kind: str, relates_to: str) -> None:
    """Store the one-time token that the user's column of this name already has."""
    clear_token(context, row, kind)
    now = naive(context.source.now())
    hashed = getattr(row, kind)
    context.channel.run(
        _INSERT_TOKEN,
        [now, context.source.id(), relates_to.lower(), hashed, kind, now, row.id],
    )


def send(context: AuthContext, row: UserRow, kind: str, address: str, *also: str) -> None:
    """Send a code, write its hash and time to the user, store the token.

    Args:
        kind: the column of the hash, such as ``recovery_token``.
        also: columns written in the same statement; a time among them is this one.
    """
    sent_at = f"{kind.removesuffix('_token')}_sent_at"
    setattr(row, kind, code_for(context, address))
    now = context.source.now()
    for column in (sent_at, *also):
        if column.endswith("_at"):
            setattr(row, column, now)
    writes.update(context, row, kind, sent_at, *also)
    store_token(context, row, kind, address)


def sign_in(
    context: AuthContext, row: UserRow, method: str, not_after: datetime | None = None
) -> Session:
    """Open a session: its row, its refresh token, ``last_sign_in_at``, how it was proved."""
    row.last_sign_in_at = context.source.now()
    session, token = context.source.id(), context.source.token()
    with refusing("Database error granting user"):
        now = context.source.now()
        values = ["aal1", now, None, session, IP, not_after, None, None, None, None]
        context.channel.run(_INSERT_SESSION, [*values, None, None, now, USER_AGENT, row.id])
        insert_refresh_token(context, row, session, token)
        writes.update(context, row, "last_sign_in_at")
    now = context.source.now()
    context.channel.run(_INSERT_AMR, [context.source.id(), session, now, now, method, now])
    return Session(session, token)


def insert_refresh_token(
    context: AuthContext, row: UserRow, session: UUID, token: str, parent: str | None = None
) -> None:
    """Insert a refresh token of the session."""
    now = context.source.now()
    values = [now, NIL_UUID, parent, False, session, token, now, str(row.id)]
    context.channel.run(_INSERT_REFRESH_TOKEN, values)


def user(context: AuthContext, row: UserRow, session: Session | None = None) -> User:
    """Return the row as a flow hands it back."""
    return User(
        id=row.id,
        email=row.email,
        phone=row.phone,
        role=row.role,
        is_anonymous=row.is_anonymous,
        is_sso_user=row.is_sso_user,
        email_confirmed_at=row.email_confirmed_at,
        phone_confirmed_at=row.phone_confirmed_at,
        invited_at=row.invited_at,
        last_sign_in_at=row.last_sign_in_at,
        banned_until=row.banned_until,
        deleted_at=row.deleted_at,
        new_email=row.email_change or None,
        new_phone=row.phone_change or None,
        app_metadata=dict(row.raw_app_meta_data or {}),
        user_metadata=dict(row.raw_user_meta_data or {}),
        confirmation=_token(context, row.confirmation_token),
        recovery=_token(context, row.recovery_token),
        email_change_current=_token(context, row.email_change_token_current),
        email_change_new=_token(context, row.email_change_token_new),
        phone_change=_token(context, row.phone_change_token),
        reauthentication=_token(context, row.reauthentication_token),
        session=session,
    )


def _token(context: AuthContext, hashed: str) -> Token | None:
    return Token(context.codes.get(hashed, ""), hashed) if hashed else None


def naive(moment: datetime) -> datetime:
    """Return the time in UTC without its zone, for columns that have none."""
    return moment.astimezone(UTC).replace(tzinfo=None)
