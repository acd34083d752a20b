r"""Cut a script into statements where psql cuts it.

It also finds what only psql understands: the data after ``copy … from stdin``, and commands such as
``\connect``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .split import MANY, Statement

# Every token that can end a statement, or begins a part in which it cannot end.
_TOKEN = re.compile(
    rf"""
    (?P<quoted> \b[eE]'(?:[^'\\]|\\.|''){MANY}'(?!') | '[^']*+' | "[^"]*+" | --[^\n]*+ )
    | (?P<dollar> (?<![\w$]) \$ (?:[^\W\d]\w*)? \$ )
    | (?P<block> /\* )
    | (?P<paren> [()] )
    | (?P<end> ; )
    | (?P<command> \\ [^\n]*+ )
    | (?P<word> \b(?:begin|case|end|atomic)\b )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# A statement without the rarer tokens, so that the rows of a seed are cut quickly.
_PLAIN = re.compile(
    r"""(?:[^;'"$()\\/eE-]++|'[^'\\]*+'|\(|\)|[eE](?!')|-(?!-)|/(?!\*)|"[^"]*+")"""
    rf"{MANY};"
)
_UNPLAIN = re.compile(r"\b(?:atomic|rule)\b", re.IGNORECASE)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_ROUTINE = re.compile(r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)
_COPY = re.compile(r"copy\s.*\bfrom\s+(?:stdin|pstdin)\b", re.IGNORECASE | re.DOTALL)
_DATA_END = re.compile(r"^\\\.\r?$\n?", re.MULTILINE)
_LEADING = re.compile(rf"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*(?:[^*/]|\*(?!/)|/(?!\*)){MANY}\*/){MANY}")


@dataclass(frozen=True, slots=True)
class Copy(Statement):
    """A ``copy … from stdin`` and the data that follow it."""

    data: str = ""


@dataclass(frozen=True, slots=True)
class Command(Statement):
    r"""A command that psql does itself, such as ``\restrict``."""


def cut(text: str) -> Iterator[Statement]:
    """Yield the statements of a script, the comments before each left out."""
    place = _Place(text)
    at = _leading(text, 1 if text.startswith("\ufeff") else 0)
    while at < len(text):
        end, command = _end(text, at)
        written = text[at:end].rstrip().rstrip(";").rstrip()
        behind = end
        if command is not None:
            written, behind = text[at : command.start()].rstrip(), command.end()
        if _COPY.match(written) and command is None:
            data_start = text.find("\n", end) + 1 or len(text)
            stop = _DATA_END.search(text, data_start)
            data = text[data_start : stop.start() if stop else len(text)]
            behind = stop.end() if stop else len(text)
            yield Copy(written, at, *place.of(at), data)
        elif written:
            yield Statement(written, at, *place.of(at))
        if command is not None:
            yield Command(command.group().rstrip(), command.start(), *place.of(command.start()))
        at = _leading(text, behind)


class _Place:
    """Turn rising offsets into lines and columns, which count from 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen = 0
        self.line = 1
        self.start = 0

    def of(self, offset: int) -> tuple[int, int]:
        self.line += self.text.count("\n", self.seen, offset)
        self.start = self.text.rfind("\n", self.start, offset) + 1 or self.start
        self.seen = offset
        return self.line, offset - self.start + 1


def _leading(text: str, at: int) -> int:
    """Return the offset behind blanks, comments and lone semicolons."""
    while True:
        found = _LEADING.match(text, at)
        at = found.end() if found else at
        if text.startswith("/*", at):
            at = _block_end(text, at)
        elif text.startswith(";", at):
            at += 1
        else:
            return at


def _end(text: str, start: int) -> tuple[int, re.Match[str] | None]:
    """Return the offset behind the statement begun at ``start``, and the command that ended it."""
    plain = _PLAIN.match(text, start)
    if plain and _balanced(text, start, plain.end()):
        return plain.end(), None
    depth = blocks = 0
    at = start
    routine = _ROUTINE.match(text, start)
    while found := _TOKEN.search(text, at):
        at = found.end()
        kind = found.lastgroup
        if kind == "end" and not depth and not blocks:
            return at, None
        if kind == "command":
            return found.start(), found
        if kind == "paren":
            depth = max(0, depth + (1 if found.group() == "(" else -1))
        elif kind == "block":
            at = _block_end(text, found.start())
        elif kind == "dollar":
            closed = text.find(found.group(), at)
            at = len(text) if closed < 0 else closed + len(found.group())
        elif kind == "word" and routine:
            blocks = _blocks(found.group().lower(), blocks)
    return len(text), None


def _blocks(word: str, open_blocks: int) -> int:
    """Count the ``begin`` and ``case`` of a body in SQL that wait for their ``end``."""
    if word == "begin" or (word == "case" and open_blocks):
        return open_blocks + 1
    return open_blocks - 1 if word == "end" and open_blocks else open_blocks


def _balanced(text: str, start: int, end: int) -> bool:
    """Tell whether the first ``;`` ends the statement: only bodies and rules have others."""
    return text[start : start + 6].lower() != "create" or not _UNPLAIN.search(text, start, end)


def _block_end(text: str, start: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
