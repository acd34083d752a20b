"""The last flow as SQL that runs in psql."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from .channel import Sent
from .statements import Statement

_PRELUDE = ["set session authorization supabase_auth_admin;", "set search_path = auth;"]

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


def script(sent: Iterable[Sent]) -> str:
    """Return the statements that were sent, up to and including the one that failed.

    Columns that would be NULL or have their default anyway are left out of an INSERT.
    """
    lines: list[str] = []
    for item in sent:
        empty = lines[-1:] == ["begin;"]
        if not (empty and item in ("begin", "commit")):
            lines.append(f"{item};" if isinstance(item, str) else f"{_text(*item)};")
        elif item == "commit":
            lines.pop()
    if lines[-1:] == ["begin;"]:
        lines.pop()
    return "\n".join([*_PRELUDE, *lines]) + "\n"


def _text(statement: Statement, values: Sequence[object]) -> str:
    literals = [_literal(value) for value in values]
    if statement.verb == "insert":
        return _insert(statement, values, literals)
    marks = iter(literals)
    pairs = ", ".join(f"{column} = {next(marks)}" for column in statement.columns)
    terms = [f"{column} != {next(marks)}" for column in statement.unlike]
    terms += [f"{column} = {next(marks)}" for column in statement.where]
    head = f"update {statement.table} set {pairs}"
    if statement.verb == "delete":
        head = f"delete from {statement.table}"
    return f"{head} where {' and '.join(terms)}"


def _insert(statement: Statement, values: Sequence[object], literals: Sequence[str]) -> str:
    given = [
        (column, literal)
        for column, value, literal in zip(statement.columns, values, literals, strict=False)
        if value is not None and value != _DEFAULTS.get((statement.table, column), _NO_DEFAULT)
    ]
    columns = ", ".join(column for column, _ in given)
    row = ", ".join(literal for _, literal in given)
    ending = statement.ending.replace("%s", literals[-1])
    return f"insert into {statement.table} ({columns}) values ({row}){ending}"


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
