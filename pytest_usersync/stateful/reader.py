"""Reading all users and their profiles by one query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ..model.sync import Sync, Target
from .model import ObservedUser

if TYPE_CHECKING:
    from ..postgres.database import Connection

_COLUMNS = (
    *("id", "email", "phone", "email_confirmed_at", "phone_confirmed_at", "confirmed_at"),
    *("is_anonymous", "is_sso_user", "banned_until", "deleted_at", "raw_app_meta_data"),
)
_EVERYBODY = """
with everybody as (
    select unnest(%s::uuid[]) as id
    union
    select id from auth.users where id <> all (%s::uuid[])
)
select everybody.id::text as id, {account} as account{profiles}
from everybody
left join auth.users as u on u.id = everybody.id
order by u.created_at, everybody.id
"""
_PROFILES = """,
    (
        select coalesce(jsonb_agg({row}), '[]')
        from {table} as t
        where t.{key}::text = everybody.id::text
    ) as {name}"""
_CONFIRM = """
update auth.users
set
    email_confirmed_at = case when email is not null then now() end,
    phone_confirmed_at = case when phone is not null then now() end
where id = %s and coalesce(email, phone) is not null
"""


class SandboxReader:
    """What the superuser sees of a sync.

    Args:
        sync: its tables.
        connection: the superuser's; whoever is there already is nobody's business.
    """

    def __init__(self, sync: Sync, connection: Connection) -> None:
        self._sync = sync
        sources = {source for mirror in sync.mirrors for source in mirror.sources}
        self._query = sql.SQL(_EVERYBODY).format(
            account=_object("u", [*dict.fromkeys((*_COLUMNS, *sorted(sources)))], unless="u.id"),
            profiles=sql.SQL("").join(
                _profiles(sync, target, number) for number, target in enumerate(sync.targets)
            ),
        )
        found = connection.execute("select id from auth.users order by id")
        self._old = [row["id"] for row in found]

    def everybody(self, connection: Connection, known: Sequence[str]) -> dict[str, ObservedUser]:
        """Return those who are known, and those who are new."""
        found = connection.execute(self._query, [list(known), self._old])
        return {row["id"]: self._seen(row) for row in found}

    def waits(self, connection: Connection, user_id: str) -> bool:
        """Try whether confirming the user brings the profile, and take it back."""
        with connection.transaction(force_rollback=True):
            if not connection.execute(_CONFIRM, [user_id]).rowcount:
                return False
            connection.execute("set constraints all immediate")
            seen = self.everybody(connection, [user_id])[user_id]
        return bool(seen.rows[self._sync.profile.table])

    def _seen(self, row: dict[str, Any]) -> ObservedUser:
        targets = enumerate(self._sync.targets)
        return ObservedUser(
            row["account"], {target.table: row[f"t{number}"] for number, target in targets}
        )


def _profiles(sync: Sync, target: Target, number: int) -> sql.Composed:
    columns = [mirror.column for mirror in sync.mirrors if mirror.table == target.table]
    return sql.SQL(_PROFILES).format(
        row=_object("t", [*dict.fromkeys((target.key, *columns))]),
        table=sql.Identifier(target.table.schema, target.table.name),
        key=sql.Identifier(target.key),
        name=sql.Identifier(f"t{number}"),
    )


def _object(alias: str, columns: Sequence[str], unless: str = "") -> sql.Composed:
    pairs = sql.SQL(", ").join(
        sql.SQL("{}, {}").format(sql.Literal(column), sql.Identifier(alias, column))
        for column in columns
    )
    built = sql.SQL("jsonb_build_object({})").format(pairs)
    if not unless:
        return built
    return sql.SQL("case when u.id is not null then {} end").format(built)
