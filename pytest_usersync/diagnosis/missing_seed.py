"""Tell a signup that is broken from one that only lacks a row that a seed brings: a role, a plan.

The migrations may leave such a row to a seed or to somebody's hands; whether it is there in
production nobody can read off them.
"""

from __future__ import annotations

import re

from ..model.quoting import quoted
from .failure_context import FailureContext

_REMEDY = (
    "; if a seed inserts it, set usersync_seeds; if it is inserted by hand, name a SQL file for"
    " it in usersync_setup; otherwise insert it in a migration"
)

# Everything in which the project may name a row by a constant.
_WRITTEN = """
    select p.prosrc as text
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname !~ '^(pg_|information_schema$|auth$)'
    union all
    select pg_catalog.pg_get_expr(d.adbin, d.adrelid)
    from pg_catalog.pg_attrdef as d
    where d.adrelid = to_regclass(%s)
    order by 1
"""

# The tables that a column refers to, with its one column there.
_REFERENCED = """
    select
        quote_ident(n.nspname) || '.' || quote_ident(c.relname) as table
    from
        pg_catalog.pg_constraint as k
        join pg_catalog.pg_attribute as a
            on a.attrelid = k.conrelid and k.conkey = array[a.attnum]
        join pg_catalog.pg_class as c
            on c.oid = k.confrelid
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
    where
        k.contype = 'f'
        and k.conrelid = to_regclass(%s)
        and a.attname = %s
        and n.nspname <> 'auth'
    order by
        k.conname
"""


def missing(context: FailureContext) -> str:
    """Return what to say of the row that is missing, or nothing when that is not the reason."""
    try:
        if context.failure.sqlstate == "23503":
            return _unreferenced(context)
        if context.failure.sqlstate == "23502":
            return _not_found(context)
    except LookupError:
        pass
    return ""


def _unreferenced(context: FailureContext) -> str:
    """Judge a reference to a row that is not there, by a value that the project wrote down."""
    found = context.constraint(context.called("constraint"))
    key = re.search(r"\((.+)\)=\((.+)\)", context.failure.detail)
    columns = re.search(r"\) REFERENCES .*?\((.+?)\)", found["definition"])
    referenced = found["referenced"] or "auth."
    if not key or not columns or referenced.startswith("auth."):
        return ""
    values = key[2].split(", ")
    if not all(_constant(context, found["table"], value) for value in values):
        return ""
    row = ", ".join(
        f"{column} = '{value}'"
        for column, value in zip(columns[1].split(", "), values, strict=False)
    )
    return (
        f"{context.actor} writes {found['table']}.{key[1]} and needs the row {row} of {referenced},"
        f" but the migrations create no such row{_REMEDY}"
    )


def _not_found(context: FailureContext) -> str:
    """Judge a NULL in a column that refers to a table in which there is nothing to be found."""
    column = context.called("column")
    table = context.relation(context.called("relation"))
    for row in context.query(_REFERENCED, [table, column]):
        # The name is quoted by PostgreSQL.
        if not context.query(f"select from {row['table']} limit 1", []):
            return (
                f"{context.actor} finds no value for {table}.{quoted(column)}, which refers to"
                f" {row['table']}, but the migrations create no row there{_REMEDY}"
            )
    return ""


def _constant(context: FailureContext, table: str, value: str) -> bool:
    word = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
    return any(word.search(row["text"] or "") for row in context.query(_WRITTEN, [table]))
