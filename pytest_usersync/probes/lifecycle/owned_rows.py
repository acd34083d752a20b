"""Rows that an app attaches to a user: one in each table that refers to user or profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from ...auth import User
from ...model.finding import Failure
from ...model.quoting import named, quoted
from ...model.sync import Table, Target
from ...postgres.catalog import columns
from ...postgres.catalog.columns import Column
from ...runner.context import CheckContext
from ...scenarios.signups import Person
from . import references
from .references import USERS, Reference

# What must be given for an insert to succeed, and what would do.
_BY_CATEGORY = {"B": "true", "N": "1", "T": "1 day", "A": "{}", "I": "127.0.0.1", "R": "empty"}
_BY_TYPE = {
    "date": "2001-02-03",
    "time": "12:00",
    "timetz": "12:00+00",
    "timestamp": "2001-02-03 12:00",
    "timestamptz": "2001-02-03 12:00+00",
    "json": "{}",
    "jsonb": "{}",
    "bytea": "",
}
_CHOICE = re.compile(r"= (?:ANY \(+(?:ARRAY)?\[)?\(?'((?:[^']|'')*)'")
# A row that refers to nothing that is there yet needs another row first, and so on.
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class OwnedRow:
    """A row that refers to a user through ``reference``; ``script`` is the SQL that put it there.

    ``place`` is the condition that finds it in its table.
    """

    reference: Reference
    script: str
    place: str


@dataclass(frozen=True, slots=True)
class OwnedRows:
    """What could be put into the tables that refer to a user, and what refused it elsewhere."""

    rows: tuple[OwnedRow, ...]
    refused: tuple[tuple[Reference, Failure], ...]


def insert_owned_rows(context: CheckContext, user: User, other: Person) -> OwnedRows:
    """Put a row into every table of the project that refers to the user or to the profile.

    What is put there is the least that the table takes; where it takes nothing that can be made up
    from the catalog, it stays empty.

    Args:
        other: somebody who signs up only if a profile must refer to the user.
    """
    return _OwnedRowWriter(context, user, other).furnish()


class _OwnedRowWriter:
    def __init__(self, context: CheckContext, user: User, other: Person) -> None:
        self._context = context
        self._user_id = user.id
        self._other = other
        self._targets = {target.table: target for target in context.sync.targets}
        self._places: dict[Table, str] = {
            target.table: f"{quoted(target.key)} = '{user.id}'" for target in context.sync.targets
        } | {USERS: f"id = '{user.id}'"}
        self._keys = references.every(context)
        self._number = 0

    def furnish(self) -> OwnedRows:
        rows: list[OwnedRow] = []
        refused: list[tuple[Reference, Failure]] = []
        for reference in references.leading_to_users(self._context, self._keys):
            target = self._targets.get(reference.table)
            if reference.referenced not in self._places or self._there(reference):
                continue
            self._number += 1
            script = self._others(reference, target) if target else self._row(reference)
            if failure := self._context.attempt(partial(self._context.execute, script)):
                refused.append((reference, failure))
                continue
            place = self._referring(reference)
            rows.append(OwnedRow(reference, script, place))
            self._places.setdefault(reference.table, place)
        return OwnedRows(tuple(rows), tuple(refused))

    def _there(self, reference: Reference) -> bool:
        """Tell whether a row refers so by now: the signup's own, or one that was put there."""
        text = f"select from {named(reference.table)} where {self._referring(reference)} limit 1"
        return bool(self._context.query(text))

    def _referring(self, reference: Reference) -> str:
        columns = ", ".join(map(quoted, reference.columns))
        if len(reference.columns) == 1 and self._known(reference):
            return f"{columns} = '{self._user_id}'"
        keys = ", ".join(map(quoted, reference.keys))
        left = columns if len(reference.columns) == 1 else f"({columns})"
        parent = reference.referenced
        return f"{left} in (select {keys} from {named(parent)} where {self._places[parent]})"

    def _known(self, reference: Reference) -> bool:
        """Tell whether what is referred to is the user's id."""
        target = self._targets.get(reference.referenced)
        key = target.key if target else "id" if reference.referenced == USERS else ""
        return reference.keys == (key,)

    def _others(self, reference: Reference, target: Target) -> str:
        """Return SQL that lets the profile of somebody else refer to the user."""
        other = UUID(int=self._user_id.int ^ 1)
        data = self._context.sync.metadata.replace("{n}", self._other.phone[-7:]).replace("'", "''")
        pairs = self._values(reference)
        return (
            "insert into auth.users (id, aud, role, email, raw_user_meta_data, created_at)\n"
            f"values ('{other}', 'authenticated', 'authenticated', '{self._other.email}',"
            f" '{data}', now());\n"
            f"update {named(target.table)}\n"
            f"set {', '.join(f'{quoted(name)} = {value}' for name, value in pairs.items())}\n"
            f"where {quoted(target.key)} = '{other}';\n"
        )

    def _row(self, reference: Reference) -> str:
        return self._insert(reference.table, self._values(reference), _DEEPEST)

    def _values(self, reference: Reference) -> dict[str, str]:
        """Return what the referring columns must hold, as SQL."""
        if len(reference.columns) == 1 and self._known(reference):
            return {reference.columns[0]: f"'{self._user_id}'"}
        parent = reference.referenced
        source = f"from {named(parent)} where {self._places[parent]} limit 1"
        return {
            column: f"(select {quoted(key)} {source})"
            for column, key in zip(reference.columns, reference.keys, strict=True)
        }

    def _insert(self, table: Table, given: Mapping[str, str], depth: int) -> str:
        """Return the least insert that has a chance, after those that it needs first."""
        before = ""
        values = dict(given)
        for column in columns.of(self._context.query, table).values():
            free = not column.required or column.filled or column.domain_default
            if free or column.name in values:
                continue
            if reference := self._elsewhere(table, column.name):
                more, found = self._parent(reference, depth)
                before += more
                values |= {name: found[name] for name in found if name not in values}
            else:
                values[column.name] = self._literal(column)
        if not values:
            return f"{before}insert into {named(table)} default values;\n"
        names, row = ", ".join(map(quoted, values)), ", ".join(values.values())
        return f"{before}insert into {named(table)} ({names})\nvalues ({row});\n"

    def _elsewhere(self, table: Table, column: str) -> Reference | None:
        """Return the foreign key that a column is part of."""
        own = (one for one in self._keys if one.table == table and column in one.columns)
        return next(own, None)

    def _parent(self, reference: Reference, depth: int) -> tuple[str, dict[str, str]]:
        """Return SQL that makes the row to refer to, if there is none, and the values."""
        parent = reference.referenced
        if parent in self._places:
            return "", self._values(reference)
        some = f"select from {named(parent)} limit 1"
        before = ""
        if not self._context.query(some) and depth:
            before = self._insert(parent, {}, depth - 1)
        order = ", ".join(map(quoted, reference.keys))
        return before, {
            column: f"(select {quoted(key)} from {named(parent)} order by {order} limit 1)"
            for column, key in zip(reference.columns, reference.keys, strict=True)
        }

    def _literal(self, column: Column) -> str:
        """Return a value that the column's type takes, and its checks if they offer a choice."""
        for definition in column.checks:
            if choice := _CHOICE.search(definition):
                return f"'{choice[1]}'"
        if column.labels:
            text = column.labels[0].replace("'", "''")
        elif column.base_type == "uuid":
            text = str(UUID(int=self._number, version=4))
        elif column.base_type in _BY_TYPE:
            text = _BY_TYPE[column.base_type]
        elif column.category == "S":
            text = f"text {self._number}"[: column.length]
        else:
            text = _BY_CATEGORY.get(column.category, "1")
        return f"'{text}'"
