"""Let one table of the sync refuse its rows for a while, and see what a signup leaves then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from ...model.quoting import named
from ...model.sync import Table
from ...postgres.catalog import functions, relations
from ...runner.context import CheckContext
from .existing_profile import ORDINARY

NAME = "made_to_fail"

# The tables in which a project may keep a record: its own, and those that extensions give it.
_NOT_READ = ("auth", "information_schema", "storage", "realtime", "usersync")
_CATCHES = re.compile(r"\bexception\s+when\b", re.IGNORECASE)

# Rows that come from now on have at least this for their xmin.
_NOW = """
    select
        mod(pg_snapshot_xmax(pg_current_snapshot())::text::numeric, 4294967296)::bigint as since
"""


Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ObservedSignup:
    """What one signup did.

    Args:
        user_id: who signed up.
        gained: the rows that came or changed, by table; none where nothing did.
        setup: the SQL that made a table refuse its rows before.
        warning: the last warning that PostgreSQL sent.
    """

    user_id: UUID
    gained: Mapping[Table, Sequence[Row]]
    setup: str = ""
    warning: str = ""


def tables(context: CheckContext) -> list[Table]:
    """Return the tables that an ordinary signup fills, profile table first."""
    return [*(target.table for target in context.sync.targets), *context.sync.side_tables]


def observe_signup(context: CheckContext, refusing: Table | None = None) -> ObservedSignup:
    """Do an ordinary signup, on a good day or while one table refuses its rows.

    Raises:
        Refused: the signup is refused.
    """
    with _refusing(context, refusing) as setup:
        since = now(context)
        context.notices.clear()
        user = context.sign_up(ORDINARY)
        gained = gained_since(context, since)
    warning = context.notices[-1] if context.notices else ""
    return ObservedSignup(user.id, gained, setup, warning.replace(str(user.id), "the user"))


@contextmanager
def _refusing(context: CheckContext, table: Table | None) -> Iterator[str]:
    if table is None:
        yield ""
        return
    setup = f"alter table {named(table)} add constraint {NAME} check (false) not valid;\n"
    context.execute(setup)
    try:
        yield setup
    finally:
        context.execute(f"alter table {named(table)} drop constraint {NAME}")


def now(context: CheckContext) -> int:
    """Return what ``gained_since`` has to know of this moment."""
    since: int = context.query(_NOW)[0]["since"]
    return since


def gained_since(context: CheckContext, since: int) -> dict[Table, list[Row]]:
    """Return the rows that came or changed since then, in every table of the project."""
    found = list(relations.tables(context.query, _NOT_READ))
    queries = [
        f"select {place} as place, to_jsonb(t) as row from {named(table)} as t"
        f" where t.xmin::text::bigint >= {since}"
        for place, table in enumerate(found)
    ]
    gained: dict[Table, list[Row]] = {}
    for row in context.query(" union all ".join(queries)):
        gained.setdefault(found[row["place"]], []).append(row["row"])
    return gained


def records(bad: ObservedSignup, good: Sequence[ObservedSignup]) -> list[Table]:
    """Return the tables that tell a bad day from good ones by more than missing rows."""
    return [table for table in bad.gained if _tells(table, bad, good)]


def _tells(table: Table, bad: ObservedSignup, good: Sequence[ObservedSignup]) -> bool:
    rows, usual = bad.gained[table], [one.gained.get(table, []) for one in good]
    if all(len(rows) > len(one) for one in usual):
        return True
    columns = {name for one in usual for row in one for name in row}
    said = {name: [_values(one, name) for one in usual] for name in columns}
    steady = [name for name, values in said.items() if values[1:] == values[:-1]]
    return any(not _values(rows, name) <= said[name][0] for name in steady)


def _values(rows: Sequence[Row], name: str) -> set[str]:
    return {str(row.get(name)) for row in rows}


def handler(context: CheckContext) -> str:
    """Return the one function of the project that catches errors, or words for it."""
    fired = (one for one in functions.of_project(context.query) if one.fired)
    names = [f"{one.schema}.{one.name}" for one in fired if _CATCHES.search(one.source)]
    return f"{names[0]}()" if len(names) == 1 else "a function that runs at signup"
