"""The ``auth`` schema that a server reached by DSN already has, such as a local Supabase stack's.

It is read and never changed. What its tables have beyond ours, our simulated platform takes over
for the run; what they lack stays, because the Supabase Auth that we simulate writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from psycopg import Error, sql

from . import database
from .server import MAINTENANCE, Server

_COLUMNS = """
    select
        c.relname as table,
        a.attname as name,
        pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
        pg_catalog.pg_get_expr(d.adbin, d.adrelid) as filled,
        a.attgenerated <> '' as generated,
        a.attnotnull as required
    from
        pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c
            on c.oid = a.attrelid
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
        left join pg_catalog.pg_attrdef as d
            on d.adrelid = a.attrelid and d.adnum = a.attnum
    where
        n.nspname = 'auth'
        and c.relkind in ('r', 'p')
        and a.attnum > 0
        and not a.attisdropped
    order by
        c.relname,
        a.attnum
"""


@dataclass(frozen=True, slots=True)
class _Column:
    table: str
    name: str
    type: str
    filled: str | None
    generated: bool
    required: bool

    def __str__(self) -> str:
        return f"auth.{self.table}.{self.name}"

    def declared(self) -> sql.Composed:
        """Return the statement that adds the column to the table as we have it."""
        # The expressions and the type are PostgreSQL's own print.
        rest = ""
        if self.generated:
            rest = f" generated always as ({self.filled}) stored"
        elif self.filled:
            rest = f" default {self.filled}"
        rest += " not null" if self.required else ""
        return sql.SQL("alter table {} add column {} {}").format(
            sql.Identifier("auth", self.table),
            sql.Identifier(self.name),
            sql.SQL(self.type + rest),
        )


@dataclass(frozen=True, slots=True)
class Differences:
    """What the server's own ``auth`` tables have otherwise than the simulated ones.

    Args:
        more: columns that only the server's own have.
        less: columns that only the simulated ones have.
        other: columns of another type.
        tables: tables that only the server's own schema has.
    """

    more: tuple[_Column, ...] = ()
    less: tuple[_Column, ...] = ()
    other: tuple[_Column, ...] = ()
    tables: tuple[str, ...] = ()


@cache
def differences(server: Server, simulated: str) -> Differences | None:
    """Compare the server's own ``auth`` with a database of ours; None when it has none.

    It is looked for in the database ``postgres``, where a Supabase stack has it.
    """
    if server.own:
        return None
    theirs = _columns(server, MAINTENANCE)
    if not any(table == "users" for table, _ in theirs):
        return None
    ours = _columns(server, simulated)
    tables = {table for table, _ in ours}
    more = [column for key, column in theirs.items() if key not in ours]
    present = {table for table, _ in theirs}
    return Differences(
        more=tuple(column for column in more if column.table in tables),
        less=tuple(c for key, c in ours.items() if key not in theirs and c.table in present),
        other=tuple(c for key, c in theirs.items() if key in ours and ours[key].type != c.type),
        tables=tuple(f"auth.{name}" for name in sorted(present - tables)),
    )


@contextmanager
def adopted(server: Server, template: str) -> Iterator[str]:
    """Yield a template that has what the server's own ``auth`` tables have beyond ours.

    Without such a thing it is the template given; else a copy that is dropped at the end.
    """
    found = differences(server, template)
    if not found or not found.more:
        yield template
        return
    with database.Clones(server) as clones:
        name = clones.take(template, "stack")
        _take_over(server, name, found.more)
        yield name


def told(server: Server, template: str, loaded: str) -> list[str]:
    """Return what a user should know of the differences, a sentence each.

    Args:
        server: where both are.
        template: the simulated platform as we have it.
        loaded: the database that was made from what ``adopted`` yielded.
    """
    before, after = differences(server, template), differences(server, loaded)
    if not before or not after:
        return []
    taken = [column for column in before.more if column not in after.more]
    columns: dict[str, Sequence[object]] = {
        "taken over from the server's own auth: {}": taken,
        "only in the server's own auth, and not taken over: {}": [*after.more, *after.tables],
        "the server's own auth lacks {}, which Supabase Auth needs and the run has": after.less,
        "of another type in the server's own auth, and not taken over: {}": after.other,
    }
    said = [text.format(", ".join(map(str, names))) for text, names in columns.items() if names]
    return said or ["the server's own auth has the columns of the simulated one"]


def _take_over(server: Server, name: str, columns: tuple[_Column, ...]) -> None:
    with database.connect(server, name, "supabase_auth_admin") as connection:
        for column in columns:
            try:
                connection.execute(column.declared())
            except Error:
                # Of a type or with a default that is the project's: nothing of ours knows it.
                continue


def _columns(server: Server, name: str) -> dict[tuple[str, str], _Column]:
    with database.connect(server, name) as connection:
        connection.execute("set search_path = ''")
        rows = connection.execute(_COLUMNS).fetchall()
    return {(row["table"], row["name"]): _Column(**row) for row in rows}
