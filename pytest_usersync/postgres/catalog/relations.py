"""The tables of the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...model.sync import Table
from . import PLATFORM_SCHEMAS, Query

_TABLES = """
    select
        n.nspname as schema,
        c.relname as name,
        array(
            select a.attname
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            order by a.attnum
        )::text[] as columns,
        array(
            select a.attname
            from pg_catalog.pg_index as i
            join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0]
            where i.indrelid = c.oid and i.indisunique and i.indnkeyatts = 1 and i.indpred is null
            order by i.indisprimary desc, a.attnum
        )::text[] as unique_columns
    from
        pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
    where
        c.relkind in ('r', 'p')
        and not c.relispartition
        and n.nspname !~ '^pg_'
        and n.nspname <> all (%s)
    order by
        n.nspname,
        c.relname
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, and those that no two rows share, the primary key first."""

    every: tuple[str, ...]
    unique: tuple[str, ...]


def tables(query: Query, without: Sequence[str] = PLATFORM_SCHEMAS) -> dict[Table, Columns]:
    """Return the tables, partitioned ones but not their partitions, by schema and name.

    Args:
        without: the schemas of which no table is meant, beside PostgreSQL's own.
    """
    return {
        Table(row["schema"], row["name"]): Columns(
            tuple(row["columns"]), tuple(row["unique_columns"])
        )
        for row in query(_TABLES, [list(without)])
    }
