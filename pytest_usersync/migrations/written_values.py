"""The expression in a function, block or statement that writes a column of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from ..model.finding import Location
from ..model.names import PATH, WORD, words
from .definitions import Code, fits
from .model import Project
from .split import blank_comments
from .sql_items import Span, closing, items

_INSERT = re.compile(rf"\binsert\s+into\s+(?P<table>{PATH})(?:\s+as\s+{WORD})?\s*", re.IGNORECASE)
_UPDATE = re.compile(
    rf"\bupdate\s+(?:only\s+)?(?P<table>{PATH})(?:\s+(?:as\s+)?(?!set\b){WORD})?\s+set\s",
    re.IGNORECASE,
)
_CONFLICT = re.compile(r"[^;]*?\bon\s+conflict\b[^;]*?\bdo\s+update\s+set\s", re.IGNORECASE)
_SETTING = re.compile(rf"(?P<columns>{WORD}|\([^)]*\))\s*=")
_VALUES = re.compile(
    r"\s*(?:overriding\s+\w+\s+value\s+)?(?:values\s*\(|select\s+(?:distinct\s+)?)", re.IGNORECASE
)


class Act(Enum):
    """Which statement writes: the one of the signup, or a later one."""

    INSERT = "insert"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Body:
    """What runs: part of a statement, or all of it; comments are blanks in ``text``."""

    code: Code
    start: int
    text: str

    @classmethod
    def of(cls, code: Code, start: int = 0, end: int | None = None) -> Body:
        """Return a part of a statement as a body."""
        return cls(code, start, blank_comments(code.statement.text[start:end]))


def locate_write(
    project: Project,
    bodies: Sequence[Body],
    table: str,
    column: str = "",
    *,
    columns: Sequence[str] = (),
    first: Act = Act.INSERT,
) -> Location | None:
    """Return the expression that writes a column, else the statement that writes the table.

    Args:
        project: its files.
        bodies: what runs, in the order in which it is searched.
        table: with its schema, as in SQL.
        column: as the catalog has it; without one, the statement is looked for.
        columns: those of the table in their order, for an INSERT that does not name them.
        first: whether an INSERT or an UPDATE is preferred.
    """
    order = (Act.INSERT, Act.UPDATE) if first is Act.INSERT else (Act.UPDATE, Act.INSERT)
    for act in order:
        for body in bodies if column else ():
            span = next(_written(body.text, act, table, column, columns), None)
            if span:
                return _place(project, body, *span)
    for act in order:
        for body in bodies:
            for found in _statements(body.text, act, table):
                return _place(project, body, found.start())
    return None


def mentioned(project: Project, body: Body, text: str) -> Location | None:
    """Return the first line of a body that names something."""
    at = body.text.lower().find(text.lower())
    return _place(project, body, at) if at >= 0 else None


def _place(project: Project, body: Body, start: int, end: int = 0) -> Location:
    return body.code.at(project, body.start + start, end and body.start + end)


def _statements(text: str, act: Act, table: str) -> Iterator[re.Match[str]]:
    for found in (_INSERT if act is Act.INSERT else _UPDATE).finditer(text):
        if fits(found["table"], table):
            yield found


def _written(
    text: str, act: Act, table: str, column: str, columns: Sequence[str]
) -> Iterator[Span]:
    """Yield the expressions of a body that write a column."""
    if act is Act.INSERT:
        for found in _statements(text, act, table):
            yield from _inserted(text, found.end(), column, columns)
        return
    lists = [found.end() for found in _statements(text, act, table)]
    for insert in _statements(text, Act.INSERT, table):
        conflict = _CONFLICT.match(text, insert.end())
        lists += [conflict.end()] if conflict else []
    for start in lists:
        for span in items(text, start):
            setting = _SETTING.match(text, span[0])
            if setting and column in words(setting["columns"]):
                yield span


def _inserted(text: str, at: int, column: str, columns: Sequence[str]) -> Iterator[Span]:
    """Yield the value that an INSERT, whose table ends at an offset, has for a column."""
    named = list(columns)
    if text.startswith("(", at):
        spans = items(text, at + 1)
        named = [words(text[slice(*span)])[-1] for span in spans]
        at = closing(text, spans[-1][1] if spans else at + 1)
    values = _VALUES.match(text, at)
    if not values or column not in named:
        return
    given = items(text, values.end())
    if len(given) == len(named):
        yield given[named.index(column)]
