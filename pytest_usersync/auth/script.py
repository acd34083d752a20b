"""The last flow as SQL that runs in psql."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.types.json import Jsonb

from .channel import Sent
from .statements import Statement

# An INSERT may leave out what the table fills in by itself.
_DEFAULTS: dict[tuple[str, str], object] = {
    ("users", "phone_change"): "",
    ("users", "phone_change_token"): "",
    ("users", "email_change_token_current"): "",
    ("users", "email_change_confirm_status"): 0,
    ("users", "reauthentication_token"): "",
    ("users", "is_sso_user"): False,
    ("users", "is_anonymous"): False,
    ("audit_log_entries", "ip_address"): "",
    ("flow_state", "email_optional"): False,
}
_NO_DEFAULT = object()


PRELUDE = "set session authorization supabase_auth_admin;\nset search_path = auth;\n"
# The same inside a transaction of the harness, until its end.
AS_AUTH = "set local role supabase_auth_admin; set local search_path = auth;"
_LOGIN = re.compile(r"(?m)^(set|reset) session authorization\b")


def taking_roles(text: str) -> str:
    """Return a script for psql as the harness runs it, who takes roles and is no superuser."""
    return _LOGIN.sub(r"\1 role", text)


@dataclass(frozen=True, slots=True)
class Write:
    """One write as literals: what it sets or inserts, and which rows it is about.

    ``transaction`` numbers the transactions of a history.
    """

    verb: str
    table: str
    given: tuple[tuple[str, str], ...]
    where: tuple[tuple[str, str], ...] = ()
    unlike: tuple[tuple[str, str], ...] = ()
    ending: str = ""
    transaction: int = 0

    def __str__(self) -> str:
        if self.verb == "insert":
            columns = ", ".join(column for column, _ in self.given)
            row = ", ".join(literal for _, literal in self.given)
            return f"insert into {self.table} ({columns}) values ({row}){self.ending};"
        pairs = ", ".join(f"{column} = {literal}" for column, literal in self.given)
        terms = [f"{column} != {literal}" for column, literal in self.unlike]
        terms += [f"{column} = {literal}" for column, literal in self.where]
        head = f"update {self.table} set {pairs}"
        if self.verb == "delete":
            head = f"delete from {self.table}"
        return f"{head} where {' and '.join(terms)};"


def script(sent: Iterable[Sent]) -> str:
    """Return the statements that were sent, up to and including the one that failed.

    Columns that would be NULL or have their default anyway are left out of an INSERT.
    """
    lines: list[str] = []
    for item in sent:
        empty = lines[-1:] == ["begin;"]
        if not (empty and item in ("begin", "commit")):
            lines.append(f"{item};" if isinstance(item, str) else str(write(*item)))
        elif item == "commit":
            lines.pop()
    if lines[-1:] == ["begin;"]:
        lines.pop()
    return PRELUDE + "".join(f"{line}\n" for line in lines)


def writes(sent: Iterable[Sent]) -> list[Write]:
    """Return the writes that were sent, each with the number of its transaction."""
    found: list[Write] = []
    number = 0
    for item in sent:
        if isinstance(item, str):
            number += 1  # What comes after a commit is no part of what was committed.
        else:
            found.append(replace(write(*item), transaction=number))
    return found


def write(statement: Statement, values: Sequence[object]) -> Write:
    """Return a statement and its parameters as a write."""
    literals = [_literal(value) for value in values]
    if statement.verb == "insert":
        given = tuple(
            (column, literal)
            for column, value, literal in zip(statement.columns, values, literals, strict=False)
            if value is not None and value != _DEFAULTS.get((statement.table, column), _NO_DEFAULT)
        )
        ending = statement.ending.replace("%s", literals[-1])
        return Write("insert", statement.table, given, ending=ending)
    marks = iter(literals)
    given = tuple((column, next(marks)) for column in statement.columns)
    unlike = tuple((column, next(marks)) for column in statement.unlike)
    where = tuple((column, next(marks)) for column in statement.where)
    return Write(statement.verb, statement.table, given, where, unlike)


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return _quoted(value.isoformat(" "))
    return _quoted(str(value.obj if isinstance(value, Jsonb) else value))


def _quoted(text: str) -> str:
    """Return the literal; with a backslash in it, the form that no setting reads differently."""
    doubled = text.replace("'", "''")
    if "\\" not in text:
        return f"'{doubled}'"
    escaped = doubled.replace("\\", "\\\\")
    return f"e'{escaped}'"
