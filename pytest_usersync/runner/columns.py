"""The columns of a table of the project, as the catalog has them."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.quoting import named
from ..model.sync import Table
from .context import CheckContext

_COLUMNS = """
    select
        a.attname as name,
        pg_catalog.format_type(a.atttypid, null) as type,
        a.attnotnull as required,
        a.atthasdef or a.attidentity <> '' as filled,
        a.attgenerated <> '' or a.attidentity = 'a' as made,
        u.single,
        u.at_once
    from
        pg_catalog.pg_attribute as a
        cross join lateral (
            select
                count(*) > 0 as single,
                coalesce(bool_or(i.indimmediate), false) as at_once
            from pg_catalog.pg_index as i
            where
                i.indrelid = a.attrelid
                and i.indisunique
                and i.indnkeyatts = 1
                and i.indkey[0] = a.attnum
                and i.indpred is null
        ) as u
    where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        name: its name.
        type: its type, without length.
        required: whether it is ``not null``.
        filled: whether it gets a value where none is given.
        made: whether it takes no other value than its own.
        single: whether no two rows have the same value.
        at_once: whether that holds at any moment, so that it can stand in ``on conflict``.
    """

    name: str
    type: str
    required: bool
    filled: bool
    made: bool
    single: bool
    at_once: bool


def columns(context: CheckContext, table: Table) -> dict[str, Column]:
    """Return the columns of a table by their names; none when there is no such table."""
    return {row["name"]: Column(**row) for row in context.query(_COLUMNS, [named(table)])}


def original(context: CheckContext, table: Table) -> dict[str, Column]:
    """Return the columns that a table had before the context."""
    return {row["name"]: Column(**row) for row in context.known(_COLUMNS, [named(table)])}
