"""Rows that a column may point at, made where there is none yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid5

from ...model.quoting import literal, named, quoted
from ...model.sync import Table
from ...postgres.catalog import columns
from ...runner.context import CheckContext
from .candidates import Candidate, Reference

# What a row cannot do without, and its key.
_FILLS = {"S": "somebody's", "N": "1", "B": "false", "D": "2026-01-01", "U": "{}"}


def with_parent_rows(context: CheckContext, one: Candidate, somebody: UUID) -> Candidate:
    """Make a row that the column may point at, as somebody else may have one; it stays."""
    assert one.refers
    found = columns.of(context.known, one.refers.table)
    needed = [column for column in found.values() if column.not_null and not column.filled]
    made = {column.name: _FILLS.get(column.category, "") for column in needed}
    made |= {column.name: str(somebody) for column in needed if column.type == "uuid"}
    made |= {column.name: column.labels[0] for column in needed if column.labels}
    uuid = found[one.refers.key].type == "uuid"
    key = str(uuid5(somebody, "row")) if uuid else _next(context, one)
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
