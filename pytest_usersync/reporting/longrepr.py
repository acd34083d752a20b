"""The text that pytest shows for a failed case, and its one line for the short summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..model.safe_text import in_line, visible
from ..runner.verdict import Verdict
from .wording import brief


class Writer(Protocol):
    """What we use of pytest's terminal writer."""

    def line(self, s: str = "") -> None:
        """Write a line."""


@dataclass(frozen=True)
class Crash:
    """The line that stands for a text: in the short summary, under ``--tb=line``, in JUnit's file.

    The names are those by which pytest and its plugins ask a traceback for its last line.
    """

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True)
class Words:
    """A text that pytest shows among the failures.

    Of a plain string pytest repeats the whole in its short summary where ``CI`` is set.
    """

    text: str
    reprcrash: Crash

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Writer) -> None:
        """Write the text."""
        for line in self.text.splitlines():
            tw.line(line)


def make_longrepr(
    text: str, verdict: Verdict, path: str, tell: Callable[[str], str] = str
) -> Words:
    """Return a text with its line: at the project's own line, else at the file given.

    Args:
        text: the page of a case.
        verdict: what became of the case.
        path: the file given.
        tell: names the project's files from where the user stands.
    """
    place = next((one.place for one in verdict.findings if one.open and one.place), None)
    where = (tell(place.file), place.line) if place else (path, 1)
    crash = Crash(in_line(where[0]), where[1], tell(brief(verdict)))
    return Words(visible(tell(text)), crash)
