"""What could not be judged and what does not apply: why, in few words or in all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..model.finding import Outcome
from ..model.safe_text import sentence
from ..runner.check import Check
from .causes import Cause
from .check_summary import CheckSummary, grouped

# How many reasons, and how many cases of a check, are named before they are counted.
_REASONS = 3
# The checks that a reason lays the blame on.
_BLAMED = re.compile(r"\((US\d{3}(?:, US\d{3})*)\)")


class Entry(NamedTuple):
    """A case that was not judged, or does not apply."""

    reason: str
    check: Check
    case: str

    @property
    def blamed(self) -> set[str]:
        """Return the codes of what comes first; without any, another case of the same check."""
        found = _BLAMED.search(self.reason)
        return set(found[1].split(", ")) if found else {self.check.code}


def entries(judged: Iterable[CheckSummary], outcome: Outcome) -> list[Entry]:
    """Return the cases of one outcome, each with its reason."""
    return [
        Entry(verdict.reason, one.check, verdict.case)
        for one in judged
        for verdict in one.verdicts
        if verdict.outcome is outcome
        or (outcome is Outcome.NOT_JUDGED and verdict.accepted and verdict.reason)
    ]


def in_short(judged: Sequence[CheckSummary], found: Sequence[Cause]) -> Iterator[str]:
    """Yield how much was not judged, which causes come first, and every other reason."""
    unjudged = entries(judged, Outcome.NOT_JUDGED)
    if not unjudged:
        return
    numbers: dict[str, int] = {}
    for number, cause in enumerate(found, 1):
        for check, _ in cause.findings:
            # A check may stand in several causes; the most severe one comes first.
            numbers.setdefault(check.code, number)
    first = {numbers[code] for one in unjudged for code in one.blamed if code in numbers}
    yield f"Not judged: {_how_many(judged, unjudged)}{_because(sorted(first))}."
    others = [*_unexplained(unjudged, set(numbers))]
    yield from others[:_REASONS]
    if len(others) > _REASONS:
        yield f"And {len(others) - _REASONS} more reasons (-v shows them)."


def _how_many(judged: Iterable[CheckSummary], unjudged: Sequence[Entry]) -> str:
    checks = sum(one.word == "not judged" for one in judged)
    cases = count(len(unjudged), "case")
    if checks == len(unjudged):
        return count(checks, "check")
    return f"{count(checks, 'check')} ({cases})" if checks else cases


def _because(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    names = [f"[{number}]" for number in numbers]
    if len(names) == 1:
        return f", because {names[0]} breaks first. Fix it and run again"
    told = f"{', '.join(names[:-1])} and {names[-1]}"
    return f", because {told} break first. Fix them and run again"


def _unexplained(unjudged: Sequence[Entry], causing: set[str]) -> Iterator[str]:
    """Yield the reasons that no cause stands behind, nor what a cause kept from being judged."""
    explained = {one.check.code for one in unjudged if one.blamed & causing} | causing
    others = [one for one in unjudged if not one.blamed & explained]
    for same in grouped(others, lambda one: one.reason):
        codes = ", ".join(dict.fromkeys(one.check.code for one in same))
        yield f"{sentence(same[0].reason).rstrip('.')} ({codes})."


def stopped(judged: Iterable[CheckSummary]) -> Iterator[str]:
    """Yield the cases that are broken and did not come to their end, which may hide more."""
    for one in judged:
        for verdict in one.verdicts:
            if verdict.outcome is Outcome.BROKEN and verdict.reason and not verdict.accepted:
                case = f" [{verdict.case}]" if verdict.case else ""
                yield f"{one.check.code}{case} is broken and then stopped: {verdict.reason}."


def in_full(judged: Iterable[CheckSummary], outcome: Outcome) -> Iterator[str]:
    """Yield each reason once, with the names of all that it concerns."""
    for same in grouped(entries(judged, outcome), lambda one: one.reason):
        groups = grouped(same, lambda one: one.check.code)
        names = [named(group[0].check, [one.case for one in group]) for group in groups]
        yield f"{same[0].reason}: {', '.join(names)}"


def named(check: Check, cases: Sequence[str], most: int = 0) -> str:
    """Return a check with its cases, unless all are meant; many of them as a number."""
    if len(cases) >= len(check.cases):
        return check.code
    many = most and len(cases) > most
    return f"{check.code} [{f'{len(cases)} cases' if many else ', '.join(cases)}]"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``2 checks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
