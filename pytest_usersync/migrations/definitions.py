"""The statement of a project's files that defines an object: the last one wins, as it does there.

Statements inside ``do`` blocks count, also those that ``format`` completes: ``create policy %I``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..model.finding import Location
from ..model.names import WORD, mentions, words
from .model import Migration, Project
from .split import Statement, blank_comments
from .sql_items import Span, items

# A name as it stands in SQL, or the place in which ``format`` puts one.
_BLANK = r"%(?:\d+\$)?[IsL]"
_WORD = rf"(?:{_BLANK}|{WORD})"
FORMATTED = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_UNLESS = r"(?:if\s+(?:not\s+)?exists\s+)?"
_TABLE = rf"(?:unlogged\s+|foreign\s+)?table\s+{_UNLESS}(?:only\s+)?(?P<name>{FORMATTED})"


def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_CREATE_TABLE = _compiled(rf"\bcreate\s+{_TABLE}")
_ALTER_TABLE = _compiled(rf"\balter\s+{_TABLE}")
_ADD_COLUMN = _compiled(
    rf"\badd\s+(?:column\s+)?{_UNLESS}(?!constraint\b|foreign\b|primary\b|unique\b|check\b"
    rf"|exclude\b)(?P<column>{_WORD})\s"
)
_OBJECTS = {
    "table": _CREATE_TABLE,
    "view": _compiled(
        rf"\bcreate\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\s+{_UNLESS}(?P<name>{FORMATTED})"
    ),
    "policy": _compiled(
        rf"\b(?:create|alter)\s+policy\s+(?P<name>{_WORD})\s+on\s+(?P<table>{FORMATTED})"
    ),
    "index": _compiled(
        rf"\bcreate\s+(?:unique\s+)?index\s+(?:concurrently\s+)?{_UNLESS}(?P<name>{_WORD})"
        rf"\s+on\s+(?:only\s+)?(?P<table>{FORMATTED})"
    ),
    "constraint": _compiled(rf"(?<!drop\s)\bconstraint\s+(?P<name>{_WORD})\s+(?!trigger\b)"),
    "row security": _compiled(
        rf"\balter\s+table\s+{_UNLESS}(?:only\s+)?(?P<name>{FORMATTED})\s+\w+\s+row\s+level\s+security"
    ),
}
_BLOCK = _compiled(r"\s*do\b[^$']*(?P<tag>\$\w*\$)(?P<body>.*?)(?P=tag)")
_GRANT = _compiled(r"\bgrant\s[^;]*?\bon\s(?P<what>[^;]*?)\bto\s(?P<roles>[^;]*)")


@dataclass(frozen=True, slots=True)
class Code:
    """A statement of a file; ``text`` is of the same length without its comments."""

    migration: Migration
    statement: Statement
    text: str

    def at(self, project: Project, start: int, end: int = 0) -> Location:
        """Return the place of a part of the text, which ends with its line unless told."""
        line, column = self.statement.place(start)
        ends = self.statement.place(end) if end else None
        return project.location(self.migration, line, column, ends)


@lru_cache(maxsize=4)
def codes(project: Project) -> tuple[Code, ...]:
    """Return every statement that may define something, the latest first."""
    return tuple(
        Code(migration, statement, _without_comments(statement.text))
        for migration, statement in backwards(project)
    )


def backwards(project: Project) -> Iterator[tuple[Migration, Statement]]:
    """Yield every statement that may define something, the latest first."""
    for migration in reversed(project.files):
        for statement in reversed(migration.statements):
            # Rows come by the hundred thousand, and create nothing.
            if statement.verb != "insert":
                yield migration, statement


def _without_comments(text: str) -> str:
    """Return a statement without comments, those inside a ``do`` block among them."""
    code = blank_comments(text)
    block = _BLOCK.match(code)
    if not block:
        return code
    body = slice(*block.span("body"))
    return code[: body.start] + blank_comments(code[body]) + code[body.stop :]


def locate_object(project: Project, kind: str, name: str, table: str = "") -> Location | None:
    """Return where an object is defined last.

    Args:
        project: its files.
        kind: ``table``, ``view``, ``policy``, ``index``, ``constraint``, ``row security``.
        name: with or without its schema, as in SQL.
        table: whose policy, index or constraint it is.
    """
    for code, found in _matches(project, _OBJECTS[kind], words(name)[-1]):
        whose = found["table"] if kind in ("policy", "index") else ""
        if not fits(found["name"], name, code.text) or not fits(whose, table, code.text):
            continue
        if kind == "constraint" and table and not mentions(code.text, words(table)[-1]):
            continue
        return code.at(project, found.start())
    return None


def locate_column(project: Project, table: str, column: str) -> Location | None:
    """Return where a column is added to a table: in its ``create table``, or later."""
    for code in codes(project):
        if not mentions(code.text, column):
            continue
        if span := _added(code, table, column) or _created(code, table, column):
            return code.at(project, *span)
    return None


def locate_grant(project: Project, thing: str, roles: Sequence[str] = ()) -> Location | None:
    """Return the last ``grant`` that names a thing, to one of some roles if any are given."""
    for code, found in _matches(project, _GRANT, words(thing)[-1]):
        granted = any(mentions(found["roles"], role) for role in roles)
        if (granted or not roles) and mentions(found["what"], words(thing)[-1]):
            return code.at(project, found.start())
    return None


def locate_text(project: Project, *texts: str) -> Location | None:
    """Return the last statement that holds all of some texts, such as ``cron.schedule``."""
    return next(
        (
            code.at(project, len(code.text) - len(code.text.lstrip()))
            for code in codes(project)
            if all(text.lower() in code.text.lower() for text in texts)
        ),
        None,
    )


def fits(written: str, given: str, code: str = "") -> bool:
    """Tell whether a name as written can mean a given one; either may lack its schema.

    What ``format`` completes is any name that the statement mentions.
    """
    have, want = _parts(written), words(given)
    if not have or not want:
        return True
    return all(
        mentions(code, wanted) if re.fullmatch(_BLANK, one) else words(one) == (wanted,)
        for one, wanted in zip(reversed(have), reversed(want), strict=False)
    )


def known_names(path: str) -> tuple[str, ...]:
    """Return the names of a path but for those that ``format`` completes."""
    return tuple(
        name for one in _parts(path) if "%" not in one or '"' in one for name in words(one)
    )


def _parts(path: str) -> list[str]:
    return re.findall(_WORD, path)


def _matches(
    project: Project, pattern: re.Pattern[str], name: str
) -> Iterator[tuple[Code, re.Match[str]]]:
    for code in codes(project):
        if mentions(code.text, name):
            # One statement, a `do` block, may define a thing several times.
            for found in reversed(list(pattern.finditer(code.text))):
                yield code, found


def _created(code: Code, table: str, column: str) -> Span | None:
    """Return the definition of a column in a ``create table``."""
    for found in _CREATE_TABLE.finditer(code.text):
        opening = re.compile(r"\s*\(").match(code.text, found.end())
        if not opening or not fits(found["name"], table, code.text):
            continue
        for span in items(code.text, opening.end()):
            first = re.match(WORD, code.text[slice(*span)])
            if first and words(first[0]) == (column,):
                return span
    return None


def _added(code: Code, table: str, column: str) -> Span | None:
    """Return the clause of an ``alter table`` that adds a column."""
    for found in _ALTER_TABLE.finditer(code.text):
        if fits(found["name"], table, code.text):
            for span in items(code.text, found.end()):
                added = _ADD_COLUMN.match(code.text, span[0])
                if added and fits(added["column"], column, code.text):
                    return span
    return None
