"""A walk through a project's migrations in words: a matrix, and what came and went with which."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...model.finding import Outcome
from ...model.safe_text import in_line
from ...reporting.wording import WIDTH
from ...runner.check import Check
from .walk import Stop

_MARKS = {
    Outcome.BROKEN: "x",
    Outcome.KEPT: ".",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.NOT_JUDGED: "?",
}
_KEY = "x broken   . kept   - not applicable   ? not judged"
_ENDED = (Outcome.KEPT, Outcome.NOT_APPLICABLE)


def describe(
    stops: Sequence[Stop],
    checks: Sequence[Check],
    show: Callable[[Path], str],
    *,
    verbose: bool = False,
) -> str:
    """Return the matrix of a walk, and below it a sentence for each time a promise was broken.

    Args:
        show: names a file so that it can be opened from where the user stands.
        verbose: whether promises that were never broken have a row, too.
    """
    judged = [stop for stop in stops if stop.judged]
    if not judged:
        return "No migration changes anything that a check depends on."
    broken = [check for check in checks if any(_marked(stop, check) == "x" for stop in judged)]
    lines = [*_columns(stops, judged, show), ""]
    if rows := [*checks] if verbose else broken:
        lines += [*_matrix(judged, rows), _KEY, ""]
    for check in broken:
        lines += [part for line in _sentences(judged, check) for part in _wrapped(line)]
    if others := len(checks) - len(broken):
        never = "check was" if others == 1 else "checks were"
        lines += [
            *([""] if broken else []),
            f"{others} {'other ' * bool(broken)}{never} not broken.",
        ]
    return "\n".join(map(in_line, lines))


def _columns(
    stops: Sequence[Stop], judged: Sequence[Stop], show: Callable[[Path], str]
) -> Iterator[str]:
    if others := len(stops) - len(judged):
        what = "migration changes" if others == 1 else "migrations change"
        yield f"{others} {what} nothing that a check depends on. Judged at"
    else:
        yield "Judged at"
    yield ""
    for number, stop in enumerate(judged, 1):
        yield f"{number:>4}  {stop.name if stop.called else show(stop.migration.path)}"


def _matrix(judged: Sequence[Stop], rows: Sequence[Check]) -> Iterator[str]:
    """Yield the rows, in as many blocks as a screen asks for."""
    margin = max(len(_named(check)) for check in rows)
    column = len(str(len(judged))) + 1
    room = max((WIDTH - margin) // column, 1)
    for first in range(0, len(judged), room):
        block = judged[first : first + room]
        numbers = range(first + 1, first + len(block) + 1)
        yield " " * margin + "".join(f"{number:>{column}}" for number in numbers)
        for check in rows:
            marks = "".join(f"{_marked(stop, check):>{column}}" for stop in block)
            yield f"{_named(check):<{margin}}{marks}"
        yield ""


def _named(check: Check) -> str:
    return f"{check.code} {check.name}"


def _marked(stop: Stop, check: Check) -> str:
    return _MARKS[stop.outcomes[check.code]]


def _sentences(judged: Sequence[Stop], check: Check) -> Iterator[str]:
    """Yield a sentence for each time that a promise was broken: what it came with, what ended it.

    A promise that could not be judged for a while is what it was.
    """
    start = ""
    for before, stop in zip([None, *judged], judged, strict=False):
        outcome = stop.outcomes[check.code]
        name = stop.name
        if not start and outcome is Outcome.BROKEN:
            start = _came(before, check, name)
        elif start and outcome in _ENDED:
            ended = "was repaired by" if outcome is Outcome.KEPT else "is not applicable since"
            yield f"{check.code} {start} and {ended} {name}."
            start = ""
    if start:
        yield f"{check.code} {start} and is still broken."


def _came(before: Stop | None, check: Check, name: str) -> str:
    if before is None:
        return f"was broken at the first of them, {name},"
    hidden = before.synced and before.outcomes[check.code] is Outcome.NOT_JUDGED
    return f"{'became visible' if hidden else 'came'} with {name}"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(
        line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
