"""The columns of a table or view, with their types and what limits their values."""

from __future__ import annotations

from dataclasses import dataclass

from ...model.quoting import named
from ...model.sync import Table
from . import Query, record

# A limit of characters is kept as `atttypmod`, plus 4 for the header of the value; -1 is none. An
# index counts by its first column, and a primary key by each of its columns.
_OF_TABLE = """
    select
        a.attname as name,
        pg_catalog.format_type(a.atttypid, null) as type,
        pg_catalog.format_type(a.atttypid, a.atttypmod) as full_type,
        b.typname as base_type,
        b.typcategory::text as category,
        case
            when b.typname in ('varchar', 'bpchar')
            then nullif(greatest(a.atttypmod, t.typtypmod), -1) - 4
        end as length,
        array(
            select e.enumlabel
            from pg_catalog.pg_enum as e
            where e.enumtypid = b.oid
            order by e.enumsortorder
        )::text[] as labels,
        array(
            select pg_catalog.pg_get_constraintdef(k.oid)
            from pg_catalog.pg_constraint as k
            where k.contype = 'c' and k.conrelid = a.attrelid and a.attnum = any (k.conkey)
            order by k.conname
        )::text[] as checks,
        a.attnotnull as not_null,
        t.typnotnull as domain_not_null,
        t.typdefault is not null as domain_default,
        pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default,
        a.attidentity::text as identity,
        a.attgenerated <> '' as generated,
        u.primary,
        u.single as unique,
        u.at_once as unique_at_once
    from
        pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t
            on t.oid = a.atttypid
        join pg_catalog.pg_type as b
            on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
        left join pg_catalog.pg_attrdef as d
            on d.adrelid = a.attrelid and d.adnum = a.attnum
        cross join lateral (
            select
                coalesce(bool_or(i.indisprimary), false) as primary,
                coalesce(bool_or(o.alone), false) as single,
                coalesce(bool_or(o.alone and i.indimmediate), false) as at_once
            from
                pg_catalog.pg_index as i
                cross join lateral (
                    select i.indisunique and i.indnkeyatts = 1 and i.indpred is null as alone
                ) as o
            where
                i.indrelid = a.attrelid
                and (i.indkey[0] = a.attnum or (i.indisprimary and a.attnum = any (i.indkey)))
        ) as u
    where
        a.attrelid = pg_catalog.to_regclass(%s)
        and a.attnum > 0
        and not a.attisdropped
    order by
        a.attnum
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        type: its type without length; ``full_type`` is with it.
        base_type: the plain name of the type, of a domain that of the type below it.
        category: ``pg_type.typcategory``, such as S for texts and E for enums.
        length: how many characters fit, None when that is not limited by the type.
        labels: the values of an enum.
        checks: the check constraints that speak of it.
        not_null: whether the column is ``not null``, whatever its domain says.
        default: the expression of its default, or of a generated column.
        identity: a (always) or d (by default) of an identity column, else empty.
        unique: whether no two rows have the same value, by an index on this column alone.
        unique_at_once: whether that holds before the commit, so that ``on conflict`` takes it.
    """

    name: str
    type: str
    full_type: str
    base_type: str
    category: str
    length: int | None
    labels: tuple[str, ...]
    checks: tuple[str, ...]
    not_null: bool
    domain_not_null: bool
    domain_default: bool
    default: str | None
    identity: str
    generated: bool
    primary: bool
    unique: bool
    unique_at_once: bool

    @property
    def required(self) -> bool:
        """Tell whether NULL is refused, by the column or by its domain."""
        return self.not_null or self.domain_not_null

    @property
    def filled(self) -> bool:
        """Tell whether it gets a value of its own where none is given."""
        return self.default is not None or bool(self.identity)

    @property
    def read_only(self) -> bool:
        """Tell whether it takes no other value than its own."""
        return self.generated or self.identity == "a"


def of(query: Query, table: Table | str) -> dict[str, Column]:
    """Return the columns of a table by their names, in its order; none where there is none.

    Args:
        table: where it is a text, its name as it stands in SQL.
    """
    name = table if isinstance(table, str) else named(table)
    return {row["name"]: record(Column, row) for row in query(_OF_TABLE, [name])}
