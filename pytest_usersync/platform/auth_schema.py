"""An inventory of an ``auth`` schema, and SQL that makes one like another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from psycopg import Error

from ..postgres import Server, database, sqlfiles

# In the order in which one needs another.
_KINDS = (
    *("enum", "label", "sequence", "table", "column", "type", "default", "not null"),
    *("function", "constraint", "foreign key", "index", "row security", "grant"),
)


class SchemaPart(NamedTuple):
    """A part of the schema: a column, a default, a constraint, a grant.

    Args:
        relation: the name of the table that it belongs to, if any.
        name: what people call it.
        definition: what of it can differ where two schemas have it; empty when nothing can.
        make: the statement that makes it, or makes it so.
        unmake: the statement that takes it away; empty for what Supabase Auth may need.
    """

    kind: str
    relation: str
    name: str
    definition: str
    make: str
    unmake: str

    def __str__(self) -> str:
        said = self.name if self.kind in ("table", "column", "function", "grant") else ""
        return said or f"{self.kind} {self.name}" + f" {self.definition}" * (self.kind == "type")


Inventory = dict[tuple[str, str], SchemaPart]


def take(server: Server, name: str) -> Inventory:
    """Return what the ``auth`` schema of a database consists of; nothing where it has no users."""
    with database.connect(server, name) as connection:
        # Definitions are compared as text, and PostgreSQL qualifies only what is off the path.
        connection.execute("set search_path = ''")
        found = connection.execute("select to_regclass('auth.users') is not null as found")
        if not found.fetchall()[0]["found"]:
            return {}
        rows = connection.execute(sqlfiles.read("stack", "auth_inventory.sql").encode()).fetchall()
    things = sorted((SchemaPart(**row) for row in rows), key=lambda one: _KINDS.index(one.kind))
    return {(one.kind, one.name): one for one in things}


def missing(ours: Inventory, theirs: Inventory) -> list[SchemaPart]:
    """Return what is theirs alone, or otherwise than ours, as it is theirs."""
    return [
        one
        for key, one in theirs.items()
        if key not in ours or ours[key].definition != one.definition
    ]


def beyond(ours: Inventory, theirs: Inventory) -> list[SchemaPart]:
    """Return what is ours alone, but for what is so because its table or its column is."""

    def holder(one: SchemaPart) -> tuple[str, str] | None:
        if one.kind in ("type", "default", "not null"):
            return "column", one.name
        return ("table", f"auth.{one.relation}") if one.relation and one.kind != "table" else None

    return [
        one
        for key, one in ours.items()
        if key not in theirs and (holder(one) is None or holder(one) in theirs)
    ]


def adopt(server: Server, name: str, theirs: Inventory) -> None:
    """Make the ``auth`` schema of a database of ours like theirs, as far as it goes.

    What needs something that the database does not have, such as a type of the project, stays as
    it is; so does what Supabase Auth writes to.
    """
    # Once more for the rights that default privileges give to what is new.
    for _ in range(2):
        statements = _statements(take(server, name), theirs)
        with database.connect(server, name, "supabase_auth_admin") as connection:
            connection.execute("set search_path = ''")
            for statement in statements:
                # One that fails must not stop the others; the header names what is left.
                with suppress(Error):
                    connection.execute(statement.encode())


def _statements(ours: Inventory, theirs: Inventory) -> Iterator[str]:
    """Yield what to run: away with what is not theirs, and with what keeps theirs from coming."""
    # Backwards: nothing is dropped that something else still needs.
    for one in reversed(beyond(ours, theirs)):
        if one.unmake:
            yield one.unmake
    for one in missing(ours, theirs):
        old = ours.get((one.kind, one.name))
        # These cannot be replaced, only dropped and made again.
        if old and one.kind in ("constraint", "foreign key", "index"):
            yield old.unmake
        yield one.make
