"""Frames of code: a place, and the lines that matter with their numbers, as compilers show them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ..model.finding import Location, Mark
from ..model.safe_text import in_line

WIDTH = 80
_ARROW = "  <-- "
_TAB = 4
# Code of which fewer columns are left says nothing.
_LEAST = 24


def frame(
    place: Location, link: str, marks: Iterable[Mark] = (), *, width: int = WIDTH
) -> list[str]:
    """Return the lines of a frame: the place, then its line and the marked ones, by number.

    Args:
        place: what the frame is about; without ``source`` only the marks have a line.
        link: ``path:line`` for the reader; it is never cut, or it could not be opened.
        marks: the other lines that matter; one on the line of the place gives that line its note.
        width: how many columns the lines of code may take.
    """
    rows = {place.line: Mark(place.line, place.source)} if place.source.strip() else {}
    rows |= {mark.line: mark for mark in marks}
    digits = len(str(max(rows, default=0)))
    room = width - digits - 5
    column = {place.line: len(place.source[: place.column - 1].expandtabs(_TAB))}
    fitted = [
        (row, *_fit_row(row, room, column.get(row.line, 0))) for _, row in sorted(rows.items())
    ]
    edge = max((_columns(code) for _, code, note in fitted if note), default=0)
    return [
        f" --> {link}",
        *(
            f"  {row.line:>{digits}} | {_pad(code, edge, room, note)}".rstrip()
            for row, code, note in fitted
        ),
    ]


def _fit_row(row: Mark, room: int, column: int) -> tuple[str, str]:
    """Return the code and the note of a line, which together fit."""
    note = " ".join(row.note.split())
    if note:
        note = _ARROW + _fit(note, room - _LEAST - len(_ARROW))
    return _fit(row.source.rstrip().expandtabs(_TAB), room - _columns(note), column), note


def _fit(text: str, room: int, column: int = 0) -> str:
    """Return what fits of a text, the character at ``column`` in it, with all of it to be seen."""
    if _columns(in_line(text)) <= room:
        return in_line(text)
    # A third of the room shows what stands before the place, the rest what follows.
    start = column - room // 3 if column > room * 2 // 3 else 0
    head = "…" if start else ""
    end = start
    while end < len(text) and _columns(head + in_line(text[start : end + 1])) < room:
        end += 1
    return f"{head}{in_line(text[start:end])}{'…' if end < len(text) else ''}"


def _pad(code: str, edge: int, room: int, note: str) -> str:
    """Return a line whose note stands below the other notes, if there is room."""
    blanks = min(edge - _columns(code), room - _columns(code) - _columns(note)) if note else 0
    return f"{code}{' ' * blanks}{note}"


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: East Asian letters may take two."""
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )
