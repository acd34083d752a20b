"""The closing words of a run: what is broken, what could not be judged, and the count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..model.finding import Finding, Level, Outcome
from ..runner.check import Check
from ..runner.verdict import Verdict
from .baseline import Baseline, signature
from .blocks import Line, broken, grouped
from .check_summary import CheckSummary, gather
from .wording import prose

__all__ = ["CheckSummary", "Line", "describe_baseline", "gather", "summary", "title"]

# How many cases of a check, and how many reasons of one cause, are named before they are counted.
_CASES = 3
_REASONS = 2
# The check that a reason lays the blame on.
_BLAMED = re.compile(r"\s*\((US\d{3})\)$")
_LEVELS = tuple(Level)
# The words of the closing count, in their order.
_COUNTED = (
    *(*_LEVELS, "accepted", "not judged"),
    *("kept", "kept in part", "not applicable"),
)


def title(judged: Sequence[CheckSummary]) -> str:
    """Return the heading of the section, which says the worst."""
    bad = [one for one in judged if _word(one) in _LEVELS]
    if bad:
        return f"usersync: findings in {_count(len(bad), 'check')}"
    if any(one.unjudged for one in judged):
        return "usersync: some checks are not judged"
    return "usersync"


def summary(judged: Sequence[CheckSummary], not_run: int, *, verbose: bool) -> Iterator[Line]:
    """Yield the section's lines: broken promises first, then reasons, then the count."""
    yield from broken([one for one in judged if verbose or one.check.level is not Level.INFO])
    yield from _section("Accepted:", "yellow", _accepted(judged))
    for outcome, words, style in (
        (Outcome.NOT_JUDGED, "Not judged:", "red"),
        (Outcome.NOT_APPLICABLE, "Not applicable:", "yellow"),
    ):
        yield from _section(words, style, _reasons(judged, outcome, verbose=verbose))
    yield from _closing(judged, not_run, verbose=verbose)


def describe_baseline(known: Baseline, verdicts: Iterable[Verdict], file: str) -> Iterator[Line]:
    """Yield what is to be said of the baseline itself, whose name is ``file``."""
    gone = [str(entry) for entry in known.gone(verdicts)]
    if known.update:
        yield Line(f"Wrote {file}. Add a reason to each entry.")
    elif gone:
        number = _count(len(gone), "finding")
        are = "is" if len(gone) == 1 else "are"
        words = f"{number} of {file} {are} gone; --usersync-baseline-update removes:"
        yield Line(words, "yellow")
        yield from (Line(line) for one in gone for line in prose(one, "  "))


def _section(words: str, style: str, texts: Iterable[str]) -> Iterator[Line]:
    lines = [line for text in texts for line in prose(text, "  ")]
    if lines:
        yield Line(words, style)
        yield from map(Line, lines)
        yield Line("")


def _accepted(judged: Iterable[CheckSummary]) -> Iterator[str]:
    """Yield what is accepted, with the reason, once for all cases of one kind."""
    found = [
        (one.check, finding) for one in judged for finding in one.findings() if not finding.open
    ]
    for same in grouped(found, lambda pair: (pair[0].code, signature(pair[1]), pair[1].accepted)):
        check, first = same[0]
        cases = _cases(check, [finding.case for _, finding in same], verbose=False)
        yield f"{cases} {_why(first)}: {first.summary}"


def _why(finding: Finding) -> str:
    mark = finding.accepted
    until = f", until {mark.expires}" if mark and mark.expires else ""
    return f"({(mark.reason if mark else '') or 'no reason'}{until})"


def _reasons(judged: Iterable[CheckSummary], outcome: Outcome, *, verbose: bool) -> Iterator[str]:
    """Yield each reason once, with the names of all that it kept from being judged.

    What one check is to blame for is told together, unless there is room.
    """
    found = [
        (verdict.reason, one.check, verdict.case)
        for one in judged
        for verdict in one.verdicts
        if verdict.outcome is outcome
        or (outcome is Outcome.NOT_JUDGED and verdict.accepted and verdict.reason)
    ]

    def blamed(entry: tuple[str, Check, str]) -> str:
        code = _BLAMED.search(entry[0])
        return code[1] if code and not verbose else entry[0]

    for same in grouped(found, blamed):
        reasons = list(dict.fromkeys(reason for reason, *_ in same))
        names = [
            _cases(group[0][1], [case for *_, case in group], verbose=verbose)
            for group in grouped(same, lambda entry: entry[1].code)
        ]
        yield f"{_together(reasons)}: {', '.join(names)}"


def _together(reasons: Sequence[str]) -> str:
    """Join reasons for which one check is to blame."""
    if len(reasons) == 1:
        return reasons[0]
    code = _BLAMED.search(reasons[0])
    bare = [_BLAMED.sub("", reason) for reason in reasons]
    more = f", and {len(bare) - _REASONS} more" if len(bare) > _REASONS else ""
    return f"{'; '.join(bare[:_REASONS])}{more} ({code[1] if code else ''})"


def _cases(check: Check, cases: Sequence[str], *, verbose: bool) -> str:
    if len(cases) >= len(check.cases):
        return check.code
    named = ", ".join(cases) if verbose or len(cases) <= _CASES else f"{len(cases)} cases"
    return f"{check.code} [{named}]"


def _word(one: CheckSummary) -> str:
    """Return the word under which a check is counted."""
    if one.outcome is Outcome.BROKEN and not one.accepted:
        return one.check.level
    if one.unjudged:
        return "not judged"
    if one.accepted:
        return "accepted"
    if one.outcome is Outcome.KEPT and one.missing:
        return "kept in part"
    return one.outcome.replace("-", " ")


def _closing(judged: Sequence[CheckSummary], not_run: int, *, verbose: bool) -> Iterator[Line]:
    counts = Counter(map(_word, judged))
    words = [
        _count(counts[word], word) if word in _LEVELS else f"{counts[word]} {word}"
        for word in _COUNTED
        if counts[word]
    ]
    words += [f"{not_run} not run"] if not_run else []
    bad = counts[Level.ERROR] or counts["not judged"]
    number = _count(len(judged) + not_run, "check")
    yield Line(f"{number}: {', '.join(words)}.", "red" if bad else "")
    if counts[Level.INFO] and not verbose:
        yield Line("Add -v to see findings of level info.")
    named = next((one for one in judged if _word(one) in _LEVELS), None)
    if named:
        yield Line(f"What a check means: pytest --usersync-explain {named.check.code}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
