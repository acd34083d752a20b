"""The foreign keys that lead to a user: which tables of the project hang on one, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...migrations import PLATFORM_SCHEMAS
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...runner.context import CheckContext

USERS = Table("auth", "users")

_FOREIGN_KEYS = """
    select
        k.conname as name,
        n.nspname as schema,
        c.relname as table,
        rn.nspname as referenced_schema,
        r.relname as referenced,
        array(
            select a.attname
            from unnest(k.conkey) with ordinality as part (number, place)
            join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = part.number
            order by part.place
        )::text[] as columns,
        array(
            select a.attname
            from unnest(k.confkey) with ordinality as part (number, place)
            join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum = part.number
            order by part.place
        )::text[] as keys,
        k.confdeltype::text as deleting,
        k.confupdtype::text as updating,
        not exists (
            select from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum = any (k.conkey) and a.attnotnull
        ) as nullable,
        k.condeferrable as deferrable,
        k.condeferred as deferred
    from
        pg_catalog.pg_constraint as k
        join pg_catalog.pg_class as c on c.oid = k.conrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_class as r on r.oid = k.confrelid
        join pg_catalog.pg_namespace as rn on rn.oid = r.relnamespace
    where
        k.contype = 'f'
        and k.conparentid = 0
        and not c.relispartition
        and n.nspname <> all (%s)
    order by
        n.nspname,
        c.relname,
        k.conname
"""
_ACTIONS = {"r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key; ``deleting`` and ``updating`` are the letters of ``pg_constraint``.

    ``nullable`` says that all its columns may be empty.
    """

    name: str
    table: Table
    columns: tuple[str, ...]
    referenced: Table
    keys: tuple[str, ...]
    deleting: str
    updating: str = "a"
    nullable: bool = False
    deferrable: bool = False
    deferred: bool = False

    @property
    def blocks(self) -> bool:
        """Tell whether it refuses the delete of a row that is referred to."""
        return self.deleting in "ar"

    def __str__(self) -> str:
        return f"{self.table}.{self.columns[0]}"

    def on_delete(self, action: str) -> str:
        """Return the SQL that makes it do this (``"cascade"``, ``"set null"``) on delete."""
        more = f" on update {_ACTIONS[self.updating]}" if self.updating in _ACTIONS else ""
        more += " deferrable" if self.deferrable else ""
        more += " initially deferred" if self.deferred else ""
        name = quoted(self.name)
        return (
            f"alter table {named(self.table)}\n"
            f"    drop constraint {name},\n"
            f"    add constraint {name}\n"
            f"        foreign key ({', '.join(map(quoted, self.columns))})\n"
            f"        references {named(self.referenced)} ({', '.join(map(quoted, self.keys))})"
            f" on delete {action}{more}\n"
            "        not valid;\n"
            "\n"
            "-- once, in a separate migration, for the existing rows\n"
            f"alter table {named(self.table)} validate constraint {name};\n"
        )


def every(context: CheckContext) -> list[Reference]:
    """Return all foreign keys of the project's tables."""
    return [_reference(row) for row in context.query(_FOREIGN_KEYS, [list(PLATFORM_SCHEMAS)])]


def leading_to_users(context: CheckContext, among: Iterable[Reference]) -> list[Reference]:
    """Return the keys that lead to a user or a profile over any tables, the nearest ones first."""
    known, near = set[Table](), {USERS, *(target.table for target in context.sync.targets)}
    found: list[Reference] = []
    while near:
        nearest = [one for one in among if one.referenced in near and one not in found]
        found += nearest
        known |= near
        near = {one.table for one in nearest} - known
    return found


def _reference(row: Mapping[str, Any]) -> Reference:
    return Reference(
        name=row["name"],
        table=Table(row["schema"], row["table"]),
        columns=tuple(row["columns"]),
        referenced=Table(row["referenced_schema"], row["referenced"]),
        keys=tuple(row["keys"]),
        deleting=row["deleting"],
        updating=row["updating"],
        nullable=row["nullable"],
        deferrable=row["deferrable"],
        deferred=row["deferred"],
    )
