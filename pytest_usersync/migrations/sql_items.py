"""Lists in SQL, parted at their commas: columns, values, settings."""

from __future__ import annotations

import re
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

_PART = re.compile(
    r"""
    (?P<skip> '(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag) )
    | (?P<open> [(\[] ) | (?P<close> [)\]] ) | (?P<comma> , ) | (?P<end> ; )
    | (?P<word> \b(?:from|where|on\s+conflict|returning|limit|group\s+by|order\s+by|union)\b )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_DISTINCT = re.compile(r"\bdistinct\s+\Z", re.IGNORECASE)


def items(text: str, start: int) -> list[Span]:
    """Return the parts of a list that begins at an offset, without the blanks around them.

    It ends with the parenthesis that is around it, with the statement, or with a word that no list
    goes on behind: ``from``.
    """
    spans: list[Span] = []
    depth, begin, at = 0, start, start
    while found := _PART.search(text, at):
        at = found.end()
        if found["open"]:
            depth += 1
        elif found["close"]:
            depth -= 1
        if depth < 0 or (depth == 0 and (found["end"] or _ends(text, found))):
            return _stripped(text, [*spans, (begin, found.start())])
        if depth == 0 and found["comma"]:
            spans.append((begin, found.start()))
            begin = at
    return _stripped(text, [*spans, (begin, len(text))])


def closing(text: str, at: int) -> int:
    """Return the offset behind the parenthesis that closes a list, whose last item ends there."""
    found = re.compile(r"\s*\)").match(text, at)
    return found.end() if found else at


def _ends(text: str, found: re.Match[str]) -> bool:
    """Tell whether a word ends the list: the one of ``is distinct from`` does not."""
    before = text[max(0, found.start() - 20) : found.start()]
    return bool(found["word"]) and not _DISTINCT.search(before)


def _stripped(text: str, spans: list[Span]) -> list[Span]:
    return [
        (end - len(text[start:end].lstrip()), start + len(text[start:end].rstrip()))
        for start, end in spans
        if text[start:end].strip()
    ]
