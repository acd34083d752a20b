"""The lines of a cause in the terminal: headline, place, error, what the app shows, remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..model.finding import Finding, Level
from ..model.safe_text import sentence, visible
from .causes import Cause
from .check_summary import grouped
from .code_frame import frame
from .paths import Paths
from .wording import WIDTH, accepted, indented, is_sentence

# Running text is not wider, however wide the terminal is.
WIDEST = WIDTH
INDENT = "    "
_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}
# How many lines of a remedy are shown, and whether code is, if all causes take at most so many
# lines: of many causes each says less, so that the first screen has the worst ones.
_ROOMS = (
    *((room, True, 60) for room in (12, 8, 6, 4, 1)),
    (1, False, 60),
    (0, False, 88),
)
# How many causes are shown as blocks where not all can be, and how many lines say what is wrong.
_FULL = 5
_MOST = 2
# Of how many checks a cause gives the names.
_NAMED = 2


class Line(NamedTuple):
    """A line for the terminal; ``style`` is a colour, or empty."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """How much the reader wants to see, and from where.

    Args:
        paths: how files are named.
        width: how many columns the terminal has.
        verbosity: pytest's: 1 for ``-v``, -1 for ``-q``.
        strict: whether warnings fail the run.
        pages: whether pytest shows the page of each failed case above.
        tell: names the project's files in a text as ``paths`` does.
    """

    paths: Paths
    width: int = 80
    verbosity: int = 0
    strict: bool = False
    pages: bool = False
    tell: Callable[[str], str] = str

    @property
    def verbose(self) -> bool:
        """Tell whether everything is to be said."""
        return self.verbosity > 0

    @property
    def brief(self) -> bool:
        """Tell whether a cause is one line: all is said above, or the reader wants no more."""
        return self.verbosity < 0 or self.pages

    def wrap(self, text: str, indent: str = "", hanging: str | None = None) -> list[str]:
        """Return running text in lines that fit; no name is broken."""
        return textwrap.wrap(
            visible(self.tell(text)),
            min(self.width, WIDEST),
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def fit(self, text: str) -> str:
        """Return a text in one line, cut at a word."""
        room = min(self.width, WIDEST)
        one = visible(self.tell(text))
        return one if len(one) <= room else f"{one[: room - 1].rpartition(' ')[0].rstrip(',;:')} …"


def blocks(causes: Sequence[Cause], view: View) -> Iterator[Line]:
    """Yield the causes in full, with remedies as long as one screen has room for, or in brief."""
    if view.brief:
        for number, cause in enumerate(causes, 1):
            yield from _headlines(number, cause, view, cut=True)
        return
    numbered = list(enumerate(causes, 1))
    for room, code, page in _ROOMS:
        lines = [line for pair in numbered for line in _block(*pair, view, room, code=code)]
        if len(lines) <= page or view.verbose:
            yield from lines
            return
    for pair in numbered[:_FULL]:
        yield from _block(*pair, view, 0, code=False)
    for pair in numbered[_FULL:]:
        yield from _short(*pair, view)
    yield Line("")


def _block(number: int, cause: Cause, view: View, room: int, *, code: bool) -> Iterator[Line]:
    """Yield a cause; ``room`` is how many lines its remedy may take, 0 for as little as can be.

    What to change, and where, comes before the evidence: it is what a reader looks for.
    """
    yield from _headlines(number, cause, view, cut=room == 0)
    yield from _lines(_first(_summary(cause, view), min(room + 1, _MOST)))
    yield from _lines(_place(cause, view, code=code))
    yield from _lines(_remedy(cause.remedy, view, max(room, 1)))
    yield from _lines(_error(cause, view))
    first = cause.findings[0][1]
    yield from _lines(view.wrap(accepted(first), INDENT))
    if view.verbose:
        yield Line(f"{INDENT}Try it in psql:")
        yield from _lines(indented(first.sql, INDENT + "  "))
    checks = _checks(cause)
    yield from _lines(view.wrap(checks, INDENT) if room else [view.fit(INDENT + checks)])
    yield Line("")


def _short(number: int, cause: Cause, view: View) -> Iterator[Line]:
    """Yield a cause in two lines: what it is, and where."""
    yield from _headlines(number, cause, view, cut=True)
    where = f"--> {view.paths.link(cause.place)}  " if cause.place else ""
    yield Line(f"     {where}{cause.findings[0][0].code}")


def _lines(texts: Iterable[str]) -> Iterator[Line]:
    return map(Line, texts)


def _headlines(number: int, cause: Cause, view: View, *, cut: bool = False) -> Iterator[Line]:
    text = _named(number, cause)
    for line in [view.fit(text)] if cut else view.wrap(text, hanging=INDENT):
        yield Line(line, _COLOURS[cause.level])


def _named(number: int, cause: Cause) -> str:
    label, colon, text = cause.title.partition(": ")
    title = f"{label.upper()}: {text}" if colon else cause.title
    level = "" if cause.level is Level.ERROR else f" ({cause.level})"
    return f"[{number}] {title}{level}"


def _summary(cause: Cause, view: View) -> list[str]:
    return [] if cause.summary == cause.title else view.wrap(sentence(cause.summary), INDENT)


def _place(cause: Cause, view: View, *, code: bool) -> list[str]:
    if not cause.place:
        return []
    marks = next((one.marks for _, one in cause.findings if one.place == cause.place), ())
    lines = frame(
        cause.place, view.paths.link(cause.place), marks, width=min(view.width, WIDEST) - 4
    )
    # A marked line says what is wrong with it, which is worth its place on any screen.
    return [f"{INDENT}{line}" for line in (lines if code or marks else lines[:1])]


def _error(cause: Cause, view: View) -> Iterator[str]:
    if failed := cause.failure:
        said = f"PostgreSQL {failed.sqlstate}: {' '.join(failed.message.split())}"
        lines = view.wrap(said, INDENT, INDENT + "  ")
        # The sentence above says it in the project's names; the whole is on the case's page.
        yield from lines if view.verbose else _first(lines, 1)
    if cause.client:
        yield from view.wrap(f"The app shows: {cause.client}", INDENT, INDENT + "  ")


def _remedy(remedy: str, view: View, room: int) -> list[str]:
    """Return a remedy behind ``Fix:``; one that was cut says how long it is."""
    margin = INDENT + "      "
    lines: list[str] = []
    for line in indented(view.tell(remedy), ""):
        lines += view.wrap(line.strip(), margin) if is_sentence(line) else [margin + line]
    lines = [line.rstrip() for line in lines if line.strip()]
    if len(lines) > room and not view.verbose:
        told = f"({len(lines)} lines)"
        lines = (
            [*lines[: room - 1], f"{lines[room - 1]}  … {told}"]
            if room > 1
            else [_statement(lines, view, told)]
        )
    return [f"{INDENT}Fix:  {lines[0].lstrip()}", *lines[1:]] if lines else []


def _statement(lines: Iterable[str], view: View, told: str) -> str:
    """Return the beginning of the first statement, comments left out, as one line."""
    code = [line.strip() for line in lines if not line.lstrip().startswith("--")]
    room = min(view.width, WIDEST) - len(INDENT) - len("Fix:  ")
    text = " ".join(code or lines)
    if len(text) + len(told) + 2 > room:
        text = f"{text[: room - len(told) - 3].rpartition(' ')[0].rstrip(' ,')} …"
    return f"{text} {told}"


def _first(lines: list[str], most: int) -> list[str]:
    """Return the first lines, with a mark where there are more."""
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"{lines[most - 1].rpartition(' ')[0].rstrip(',;:')} …"]


def _checks(cause: Cause) -> str:
    """Return the checks that a cause breaks, each with its number of cases."""
    counted = [pair for pair in cause.findings if pair[1].open] or list(cause.findings)
    groups = grouped(counted, lambda pair: pair[0].code)
    few = len(groups) <= _NAMED
    parts = []
    for group in groups:
        check = group[0][0]
        number = len(_cases(one for _, one in group))
        told = [f"{number} cases"] * (number > 1)
        told += [str(check.level)] * (check.level is not cause.level)
        name = f"{check.code} {check.name}" if few else check.code
        parts.append(f"{name} ({', '.join(told)})" if told else name)
    return ", ".join(parts)


def _cases(findings: Iterable[Finding]) -> set[str]:
    return {one.case for one in findings if one.case}
