"""Names of the project as they stand in SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping

from psycopg import sql

from .sync import Table, Target

# Words that stand for something else when a column's name is not quoted.
_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast
    check collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user
    default deferrable desc distinct do else end except false fetch for foreign freeze from
    full grant group having ilike in initially inner intersect into is isnull join lateral
    leading left like limit localtime localtimestamp natural not notnull null offset on only or
    order outer overlaps placing primary references returning right select session_user similar
    some symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with
    """,
    )
)


def quoted(name: str) -> str:
    """Return a name as it stands in SQL, in quotes only where it needs them."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_$]*", name) and name not in _RESERVED
    return name if plain else '"' + name.replace('"', '""') + '"'


def identifier(table: Table) -> sql.Identifier:
    """Return a table's name for ``psycopg.sql``."""
    return sql.Identifier(table.schema, table.name)


def literal(text: str) -> str:
    """Return a text as it stands in SQL."""
    return "'" + text.replace("'", "''") + "'"


def named(table: Table) -> str:
    """Return a table's name as it stands in SQL, with its schema."""
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def user_insert(values: Mapping[str, str], *, confirmed: bool = False) -> str:
    """Return the SQL by which a superuser inserts a user, and confirms their email if asked.

    Args:
        values: SQL expressions by column of ``auth.users``, ``id`` among them.
    """
    columns, given = ", ".join(values), ", ".join(values.values())
    text = f"insert into auth.users ({columns})\nvalues ({given});\n"
    if confirmed:  # Supabase Auth never inserts a confirmation, and a trigger may wait for it.
        text += f"update auth.users set email_confirmed_at = now() where id = {values['id']};\n"
    return text


def showing(target: Target, user_id: object, source: str = "") -> str:
    """Return the queries that end a finding: the rows of a table that carry the user's id.

    Args:
        source: columns of ``auth.users`` to show beside them, if any.
    """
    lines = [
        # The script may have become another role, who sees less by row level security.
        "reset session authorization;",
        f"select * from {named(target.table)} where {quoted(target.key)} = '{user_id}';",
    ]
    if source:
        lines.append(f"select {source} from auth.users where id = '{user_id}';")
    return "\n".join(lines) + "\n"
