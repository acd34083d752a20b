"""The single writes that flows are made of; each keeps the row in memory equal to the table's."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg.rows import DictRow

from . import rows, statements
from .context import AuthContext
from .errors import failure, refusing
from .lookup import IDENTITIES_OF, USER_AGAIN, identity_row
from .request_values import Json, jsonb
from .rows import NIL_UUID, IdentityRow, Metadata, UserRow

_LOG_TYPES = {
    "login": "account",
    "user_signedup": "team",
    "user_invited": "team",
    "user_deleted": "team",
    "token_revoked": "token",
    "token_refreshed": "token",
}
# Who an audit entry names when the service key is used.
SERVICE = UserRow(NIL_UUID, email="service_role", role="service_role")

_INSERT_USER = statements.insert("users", *rows.USER_COLUMNS)
_INSERT_IDENTITY = statements.insert("identities", *rows.IDENTITY_COLUMNS)
_INSERT_AUDIT = statements.insert(
    "audit_log_entries", "created_at", "id", "instance_id", "ip_address", "payload"
)


def update(context: AuthContext, row: UserRow, *columns: str) -> None:
    """Write these columns of the user; ``updated_at`` is always among them."""
    row.updated_at = context.source.now()
    statement = statements.update("users", *columns, "updated_at")
    context.channel.run(statement, [*rows.values(statement, row), row.id])


def insert_user(context: AuthContext, row: UserRow) -> None:
    """Insert the user; nothing is confirmed yet and the role is still empty."""
    row.created_at = row.updated_at = context.source.now()
    row.identities = []
    context.channel.run(_INSERT_USER, rows.values(_INSERT_USER, row))


def reload(context: AuthContext, row: UserRow, *, later: bool = False) -> None:
    """Read the row again; raises AuthError when it is gone.

    Args:
        later: when the next answer comes, for nothing before it depends on what is read.
    """
    if later:
        written = rows.state(row)
        context.channel.rows_later(
            USER_AGAIN, [row.id], lambda found: _reloaded(context, row, found, written)
        )
    else:
        _reloaded(context, row, context.channel.rows(USER_AGAIN, [row.id]))


def _reloaded(
    context: AuthContext,
    row: UserRow,
    found: list[DictRow],
    written: tuple[object, ...] | None = None,
) -> None:
    if not found:
        raise failure("Database error loading user after sign-up")
    context.channel.deferrable = found[0].pop("deferrable")
    row.refresh(found[0], written)


def make_permanent(context: AuthContext, row: UserRow) -> None:
    """Write that the user, if anonymous so far, is not any more."""
    if row.is_anonymous:
        row.is_anonymous = False
        update(context, row, "is_anonymous")


def set_role(context: AuthContext, row: UserRow, role: str) -> None:
    """Set the user's database role."""
    row.role = role.strip()  # The server trims it before it writes.
    update(context, row, "role")


def identities(context: AuthContext, row: UserRow) -> list[IdentityRow]:
    """Return the user's identities, oldest first; look at most once."""
    if row.identities is None:
        row.identities = [
            identity_row(found) for found in context.channel.rows(IDENTITIES_OF, [row.id])
        ]
    return row.identities


def add_identity(context: AuthContext, row: UserRow, provider: str, data: Metadata) -> IdentityRow:
    """Insert an identity; its email is written in lower case into ``data`` itself."""
    _lower_email(data)
    now = context.source.now()
    identity = IdentityRow(
        context.source.id(), row.id, provider, str(data["sub"]), data, now, now, now
    )
    with refusing("Error creating identity"):
        context.channel.run(_INSERT_IDENTITY, rows.values(_INSERT_IDENTITY, identity))
    if row.identities is not None:
        row.identities.append(identity)
    return identity


def update_identity(context: AuthContext, identity: IdentityRow, *columns: str) -> None:
    """Write these columns of the identity and its ``updated_at``."""
    _lower_email(identity.identity_data)
    identity.updated_at = context.source.now()
    statement = statements.update("identities", *columns, "updated_at")
    context.channel.run(statement, [*rows.values(statement, identity), identity.id])


def merge_identity_data(
    context: AuthContext, identity: IdentityRow, updates: Mapping[str, Json]
) -> None:
    """Merge into the identity's data; this one write leaves ``updated_at`` alone."""
    _merged(identity.identity_data, updates)
    statement = statements.update("identities", "identity_data")
    context.channel.run(statement, [jsonb(identity.identity_data), identity.id])


def remove_identity(context: AuthContext, row: UserRow, identity: IdentityRow) -> None:
    """Delete the identity."""
    context.channel.run(statements.delete("identities", "id"), [identity.id])
    identities(context, row).remove(identity)


def merge_user_metadata(context: AuthContext, row: UserRow, updates: Mapping[str, Json]) -> None:
    """Merge into the user's metadata; a null removes its key."""
    row.raw_user_meta_data = _merged(row.raw_user_meta_data, updates)
    update(context, row, "raw_user_meta_data")


def merge_app_metadata(context: AuthContext, row: UserRow, updates: Mapping[str, Json]) -> None:
    """Merge into the app metadata; a null removes its key."""
    row.raw_app_meta_data = _merged(row.raw_app_meta_data, updates)
    update(context, row, "raw_app_meta_data")


def follow_providers(context: AuthContext, row: UserRow) -> None:
    """Write into the app metadata which providers the user has, the oldest as the first."""
    providers = list(dict.fromkeys(identity.provider for identity in identities(context, row)))
    updates: Metadata = {"providers": providers}
    if providers:
        updates["provider"] = providers[0]
    merge_app_metadata(context, row, updates)


def audit(
    context: AuthContext,
    actor: UserRow,
    action: str,
    traits: Mapping[str, Json] | None = None,
    ip: str = "",
) -> None:
    """Write an audit entry about what the actor did."""
    payload: Metadata = {
        "action": action,
        "actor_id": str(actor.id),
        "actor_username": actor.phone or actor.email or "",
        "actor_via_sso": actor.is_sso_user,
        "log_type": _LOG_TYPES.get(action, "user"),
    }
    if actor.raw_user_meta_data and "full_name" in actor.raw_user_meta_data:
        payload["actor_name"] = actor.raw_user_meta_data["full_name"]
    if traits is not None:
        payload["traits"] = traits
    values = [context.source.now(), context.source.id(), NIL_UUID, ip, jsonb(payload)]
    context.channel.run(_INSERT_AUDIT, values)


def _merged(known: Metadata | None, updates: Mapping[str, Json]) -> Metadata:
    """Merge into the object itself, which the user and an identity may share; return it."""
    if known is None:
        return dict(updates)  # The server takes the first updates as they are, nulls too.
    for key, value in updates.items():
        if value is None:
            known.pop(key, None)
        else:
            known[key] = value
    return known


def _lower_email(data: Metadata) -> None:
    if isinstance(email := data.get("email"), str):
        data["email"] = email.lower()
