"""Rows that a column may point at, made where there is none yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid5

from ...model.quoting import literal, named, quoted
from ...model.sync import Table
from ...runner.context import CheckContext
from .candidates import Candidate, Reference

# What a row cannot do without, and its key.
_REQUIRED = """
    select
        a.attname as name,
        t.typcategory as category,
        format_type(a.atttypid, null) as kind,
        (
            select e.enumlabel
            from pg_catalog.pg_enum as e
            where e.enumtypid = a.atttypid
            order by e.enumsortorder
            limit 1
        ) as label
    from
        pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t
            on t.oid = a.atttypid
    where
        (a.attname = %s or (a.attnotnull and not a.atthasdef and a.attidentity = ''))
        and a.attrelid = to_regclass(%s)
        and a.attnum > 0
        and not a.attisdropped
    order by
        a.attnum
"""
_FILLS = {"S": "somebody's", "N": "1", "B": "false", "D": "2026-01-01", "U": "{}"}


def furnished(context: CheckContext, one: Candidate, somebody: UUID) -> Candidate:
    """Make a row that the column may point at, as somebody else may have one; it stays."""
    assert one.refers
    facts = context.query(_REQUIRED, [one.refers.key, named(one.refers.table)])
    made = {row["name"]: _FILLS.get(row["category"], "") for row in facts}
    made |= {row["name"]: str(somebody) for row in facts if row["kind"] == "uuid"}
    made |= {row["name"]: row["label"] for row in facts if row["label"]}
    kinds = {row["name"]: row["kind"] for row in facts}
    key = (
        str(uuid5(somebody, "row")) if kinds.get(one.refers.key) == "uuid" else _next(context, one)
    )
    text = _inserting(one.refers.table, {**made, one.refers.key: key})
    if context.attempt(lambda: context.execute(text)):
        return one
    return replace(one, values={key: ""})


def _next(context: CheckContext, one: Candidate) -> str:
    """Return a number that no row has yet; "1" where the key is no number."""
    assert one.refers
    rows = context.query(
        f"select max(t.{quoted(one.refers.key)}::text::numeric) + 1 as free"
        f" from {named(one.refers.table)} as t"
        f" where t.{quoted(one.refers.key)}::text ~ '^[0-9]+$'"
    )
    return str(rows[0]["free"] or 1)


def row_of(context: CheckContext, refers: Reference, value: str) -> str:
    """Return the SQL that makes a row again that a migration did not make."""
    found = context.query(
        f"select to_jsonb(t) as row from {named(refers.table)} as t"
        f" where {quoted(refers.key)}::text = %s",
        [value],
    )
    return _inserting(refers.table, found[0]["row"]) if found else ""


def _inserting(table: Table, row: Mapping[str, object]) -> str:
    kept = {name: value for name, value in row.items() if value is not None}
    columns, text = ", ".join(map(quoted, kept)), json.dumps(kept, ensure_ascii=False)
    return (
        f"insert into {named(table)} ({columns}) overriding system value\n"
        f"select {columns} from jsonb_populate_record(null::{named(table)},"
        f" {literal(text)})\non conflict do nothing;\n"
    )
