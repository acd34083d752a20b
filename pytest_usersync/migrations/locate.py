"""Tell where in a project's migrations a function, a trigger or an error's line is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..model.finding import Location
from ..model.names import PATH, WORD, mentions, words
from .definitions import FORMATTED, Code, backwards, known_names
from .model import Migration, Project
from .split import Statement, blank_comments, split
from .sql_items import items
from .written_values import Body

_FUNCTION = re.compile(
    rf"\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\s+({FORMATTED})\s*\(", re.IGNORECASE
)
_TRIGGER = re.compile(
    rf"""\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+(?P<name>{WORD})\s
    .*?\bon\s+(?P<table>{PATH})
    .*?\bexecute\s+(?:function|procedure)\s+(?P<function>{PATH})""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_ATOMIC = re.compile(r"\bbegin\s+atomic\b", re.IGNORECASE)
_AS = re.compile(r"\bas\s*(?=E?['$])", re.IGNORECASE)
_BODY = re.compile(r"(\$\w*\$)(.*?)\1|'((?:[^']|'')*)'", re.DOTALL)
_FRAME = re.compile(
    rf"""
    ^PL/pgSQL\ function\ (?P<path>{PATH})\((?P<types>.*?)\)\ (?:line\ (?P<line>\d+)|during|while)\b
    | ^compilation\ of\ PL/pgSQL\ function\ "(?P<compiled>.+?)"\ near\ line\ (?P<near>\d+)
    | ^SQL\ function\ "(?P<sql>.+?)"\ (?:statement\ (?P<statement>\d+)|during)\b""",
    re.MULTILINE | re.VERBOSE,
)
_BLOCK = re.compile(r"^PL/pgSQL function inline_code_block line (\d+)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Definition:
    """A place where a function is created; offsets count from the start of the statement."""

    migration: Migration
    statement: Statement
    path: tuple[str, ...]
    start: int
    body: str = ""
    body_start: int = -1
    body_end: int | None = None
    parameters: int = -1

    def is_of(self, schema: str, name: str) -> bool:
        *schemas, last = self.path or ("",)
        return last == name and (not schema or not schemas or schemas[-1] == schema)

    @property
    def called(self) -> tuple[str, str]:
        return "".join(self.path[-2:-1]), "".join(self.path[-1:])

    def has_body(self, source: str) -> bool:
        return self.body_start >= 0 and self.body == source


def locate_function(project: Project, schema: str, name: str, prosrc: str = "") -> Location | None:
    """Return where the function in force is created: the latest place with that body, or name."""
    found = _definition(project, schema, name, prosrc)
    return _at(project, found, found.start) if found else None


def locate_trigger(
    project: Project, name: str, function: str = "", *, table: str = ""
) -> Location | None:
    """Return where a trigger is created, the latest place that fits what is known of it."""
    for migration, statement in backwards(project):
        for found in reversed(list(_TRIGGER.finditer(blank_comments(statement.text)))):
            wanted = (("name", name), ("function", function), ("table", table))
            if all(_fits(found[part], given) for part, given in wanted):
                line, column = statement.place(found.start())
                return project.location(migration, line, column)
    return None


def locate_context(
    project: Project, context: str, prosrcs: Mapping[str, str] | None = None
) -> Location | None:
    """Return the innermost line of the project that an error's context speaks of.

    Args:
        project: its migrations.
        context: what PostgreSQL says, ``PL/pgSQL function public.f() line 3 at SQL statement``.
        prosrcs: bodies by function name, with or without schema, to tell versions apart.
    """
    for frame in _FRAME.finditer(context):
        path = words(frame["path"]) if frame["path"] else (frame["compiled"] or frame["sql"],)
        name, schema = path[-1], path[-2] if len(path) > 1 else ""
        source = _source(prosrcs or {}, schema, name)
        number = -1 if frame["types"] is None else len(items(frame["types"], 0))
        if found := _definition(project, schema, name, source, number):
            return _at(project, found, _frame_offset(found, frame))
    return None


def function_body(project: Project, schema: str, name: str, prosrc: str = "") -> Body | None:
    """Return the body of the function in force; one in SQL without quotes goes on to the end."""
    found = _definition(project, schema, name, prosrc)
    if found is None:
        return None
    code = Code(found.migration, found.statement, "")
    return Body.of(code, max(found.body_start, found.start), found.body_end)


def statement_body(project: Project, text: str) -> Body | None:
    """Return a statement of the files that is sent alone, or with what stands around it."""
    for migration, statement in backwards(project):
        if (start := statement.text.find(text)) >= 0:
            return Body.of(Code(migration, statement, ""), start, start + len(text))
    return None


def called_functions(project: Project, code: str) -> Iterator[tuple[str, str]]:
    """Yield schema and name of the project's functions that code may call, the latest first."""
    for schema, name in dict.fromkeys(one.called for one in _definitions(project)):
        if mentions(code, name):
            yield schema, name


def locate_block(project: Project, text: str, context: str) -> Location | None:
    """Return the line of a ``do`` statement of the files that an error's context speaks of."""
    body = statement_body(project, text)
    offset = block_offset(text, context)
    return body.code.at(project, body.start + offset) if body and offset is not None else None


def block_offset(text: str, context: str) -> int | None:
    """Return the offset in a ``do`` statement of the line that an error's context speaks of."""
    block = _BLOCK.search(context)
    body = _BODY.search(blank_comments(text))
    if block is None or body is None:
        return None
    return _line_offset(text, body.start(2) if body[1] else body.start(3), int(block[1]))


def _definition(
    project: Project, schema: str, name: str, source: str, parameters: int = -1
) -> _Definition | None:
    named = [one for one in _definitions(project) if one.is_of(schema, name)]
    # Of functions of one name; a default or a type of the project does not change the number.
    named = [one for one in named if one.parameters == parameters] or named
    if source.strip():
        exact = [one for one in named if one.has_body(source)]
        if exact:
            return exact[0]
        if found := _holder(project, source):
            return found
    return named[0] if named else None


@lru_cache(maxsize=4)
def _definitions(project: Project) -> tuple[_Definition, ...]:
    """Return every place that creates a function, the latest first."""
    definitions: list[_Definition] = []
    for migration, statement in backwards(project):
        code = blank_comments(statement.text)
        end = len(code)
        for one in reversed(list(_FUNCTION.finditer(code))):
            body = _body(code, one.end(), end)
            given = [code[slice(*span)].lower() for span in items(code, one.end())]
            # The context of an error lists the types of input arguments only.
            number = sum(not part.startswith("out ") for part in given)
            # The definition before this one ends here.
            end = one.start()
            path = known_names(one[1])
            definitions.append(_Definition(migration, statement, path, end, *body, number))
    return tuple(definitions)


def _body(text: str, start: int, end: int) -> tuple[str, int, int | None]:
    """Return what stands quoted behind ``as``, and where, or -1 if nothing does."""
    for keyword in _AS.finditer(text, start, end):
        body = _BODY.search(text, keyword.end())
        if body and body[1]:
            return body[2], *body.span(2)
        if body:
            return body[3].replace("''", "'"), *body.span(3)
    if atomic := _ATOMIC.search(text, start, end):
        return text[atomic.end() : end], atomic.end(), end
    return "", -1, None


def _holder(project: Project, source: str) -> _Definition | None:
    """Return the latest statement that holds the body anywhere, such as one in a ``do`` block."""
    for migration, statement in backwards(project):
        # Inside a literal, as in execute '…', quotation marks are doubled.
        for body in (source, source.replace("'", "''")):
            at = statement.text.find(body)
            if at >= 0:
                before = list(_FUNCTION.finditer(statement.text, 0, at))
                start = before[-1].start() if before else 0
                return _Definition(migration, statement, (), start, body, at, at + len(body))
    return None


def _frame_offset(found: _Definition, frame: re.Match[str]) -> int:
    """Return the offset of the line that one line of a context means, or of the ``create``."""
    line = int(frame["line"] or frame["near"] or 0)
    if frame["statement"]:
        inside = split(found.body)
        number = int(frame["statement"])
        line = inside[number - 1].place()[0] if 0 < number <= len(inside) else 0
    if found.body_start < 0 or not line:
        return found.start
    return _line_offset(found.statement.text, found.body_start, line)


def _line_offset(text: str, start: int, line: int) -> int:
    """Return the offset of the first character of a body's line; the first follows the quote."""
    for _ in range(line - 1):
        start = text.find("\n", start) + 1 or start
    blank = re.compile(r"[^\S\n]*").match(text, start)
    return blank.end() if blank else start


def _at(project: Project, found: _Definition, offset: int) -> Location:
    line, column = found.statement.place(offset)
    return project.location(found.migration, line, column)


def _source(prosrcs: Mapping[str, str], schema: str, name: str) -> str:
    return prosrcs.get(f"{schema}.{name}") or prosrcs.get(name, "")


def _fits(written: str, given: str) -> bool:
    """Say whether a name as written can mean a given one; either may lack its schema."""
    have = "." + ".".join(words(written))
    return not given or have.endswith(f".{given}") or f".{given}".endswith(have)
