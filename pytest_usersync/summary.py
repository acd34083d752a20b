"""The closing words of a run: what is broken, what could not be judged, and the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

from .check import Check
from .finding import Finding, Level, Outcome
from .report import advice, headline, indented, prose, seen
from .verdict import Verdict, merged

T = TypeVar("T")

# How many findings of one cause are told in the summary before they are only counted.
_ENOUGH = 2
# The words of the closing count, in their order.
_COUNTED = (
    *("broken", "broken (warning)", "broken (info)", "not judged"),
    *("kept", "kept in part", "not applicable"),
)


class Line(NamedTuple):
    """A line for the terminal; ``style`` is a colour, or empty."""

    text: str
    style: str = ""


class Judged(NamedTuple):
    """A check with the verdicts on all its cases."""

    check: Check
    verdicts: tuple[Verdict, ...]

    @property
    def outcome(self) -> Outcome:
        """Return the outcome of the check as a whole."""
        return merged(self.verdicts)

    @property
    def missing(self) -> list[str]:
        """Return the cases that were not judged: deselected, or the run ended before."""
        done = {verdict.case for verdict in self.verdicts}
        return [case for case in self.check.cases if case not in done]

    def findings(self) -> list[Finding]:
        """Return the findings of all cases, in the order of the check's cases."""
        return [finding for verdict in self.verdicts for finding in verdict.findings]


def gather(checks: Sequence[Check], verdicts: Iterable[Verdict]) -> list[Judged]:
    """Return the checks that were judged, by code, each with its verdicts in its order of cases."""
    known = {check.code: check for check in checks}

    def place(verdict: Verdict) -> tuple[str, int]:
        cases = known[verdict.code].cases
        return verdict.code, cases.index(verdict.case) if verdict.case in cases else -1

    ordered = sorted((verdict for verdict in verdicts if verdict.code in known), key=place)
    return [
        Judged(known[code], tuple(group))
        for code, group in groupby(ordered, key=lambda verdict: verdict.code)
    ]


def title(judged: Sequence[Judged]) -> str:
    """Return the heading of the section, which says the worst."""
    broken = [one for one in judged if one.outcome is Outcome.BROKEN]
    if broken:
        return f"usersync: {_count(len(broken), 'promise')} broken"
    if any(one.outcome is Outcome.NOT_JUDGED for one in judged):
        return "usersync: not every promise could be judged"
    return "usersync"


def summary(judged: Sequence[Judged], not_run: int, *, verbose: bool) -> Iterator[Line]:
    """Yield the section's lines: broken promises first, then reasons, then the count."""
    for one in judged:
        if one.outcome is Outcome.BROKEN and (verbose or one.check.level is not Level.INFO):
            yield from _broken(one)
            yield Line("")
    for outcome, words, style in (
        (Outcome.NOT_JUDGED, "Could not be judged, so neither kept nor broken:", "red"),
        (Outcome.NOT_APPLICABLE, "Does not apply:", "yellow"),
    ):
        lines = list(_reasons(judged, outcome))
        if lines:
            yield Line(words, style)
            yield from (Line(line) for line in lines)
            yield Line("")
    yield from _closing(judged, not_run, verbose=verbose)


def _broken(one: Judged) -> Iterator[Line]:
    colour = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}[one.check.level]
    yield Line(f"{headline(one.check)} ({one.check.level})", colour)
    yield from (Line(text) for text in prose(one.check.promise, "  "))
    for group in _grouped(one.findings(), _cause):
        # What does not fail the run has no failure text of its own, so its SQL is shown here.
        yield from _told_once(group, whole=one.check.level is not Level.ERROR)
    for verdict in one.verdicts:
        if verdict.kept:
            yield Line(f"  Kept{f' [{verdict.case}]' if verdict.case else ''}: {verdict.kept}")


def _told_once(group: list[Finding], *, whole: bool) -> Iterator[Line]:
    """Yield one cause with all the cases that it breaks."""
    first = group[0]
    cases = list(dict.fromkeys(finding.case for finding in group if finding.case))
    if cases:
        yield from (Line(text) for text in prose(f"Broken for: {', '.join(cases)}", "  "))
    summaries = list(dict.fromkeys(finding.summary for finding in group))
    shown = summaries[:1] if first.failure else summaries[:_ENOUGH]
    for text in shown:
        yield from (Line(line) for line in prose(text, "    "))
    if len(summaries) > len(shown) and not first.failure:
        yield Line(f"    and {len(summaries) - len(shown)} more of this kind")
    sql = ["Try it in psql:", *indented(first.sql)] if whole else []
    said = [f"{first.failure.sqlstate}: {first.failure.message}"] if first.failure else []
    for text in (*sql, *said, *seen(first), "Remedy:", *advice(first.remedy)):
        yield Line(f"    {text}")


def _cause(finding: Finding) -> tuple[object, ...]:
    failed = finding.failure
    if failed:
        return failed.sqlstate, failed.message, finding.location or failed.location, finding.remedy
    return finding.location, finding.remedy


def _reasons(judged: Iterable[Judged], outcome: Outcome) -> Iterator[str]:
    """Yield each reason once, with the names of all that it kept from being judged."""
    found = [
        (verdict.reason, one.check, verdict.case)
        for one in judged
        for verdict in one.verdicts
        if verdict.outcome is outcome
    ]
    for same in _grouped(found, lambda entry: entry[0]):
        whole = {check.code: check for _, check, _ in same}
        names = [
            _cases(check, [case for _, other, case in same if other == check])
            for check in whole.values()
        ]
        yield from prose(f"{same[0][0]}: {', '.join(names)}", "  ")


def _cases(check: Check, cases: list[str]) -> str:
    if len(cases) >= len(check.cases):
        return check.code
    return f"{check.code} [{', '.join(cases)}]"


def _closing(judged: Sequence[Judged], not_run: int, *, verbose: bool) -> Iterator[Line]:
    counts: Counter[str] = Counter()
    for one in judged:
        if one.outcome is Outcome.BROKEN and one.check.level is not Level.ERROR:
            counts[f"broken ({one.check.level})"] += 1
        elif one.outcome is Outcome.KEPT and one.missing:
            counts["kept in part"] += 1
        else:
            counts[one.outcome.replace("-", " ")] += 1
    words = [f"{counts[word]} {word}" for word in _COUNTED if counts[word]]
    words += [f"{not_run} not run"] if not_run else []
    bad = counts["broken"] or counts["not judged"]
    number = _count(len(judged) + not_run, "promise")
    yield Line(f"{number}: {', '.join(words)}.", "red" if bad else "")
    if counts["broken (info)"] and not verbose:
        yield Line("What is broken at level info is shown with -v.")
    named = next((one for one in judged if one.outcome is Outcome.BROKEN), None)
    if named:
        yield Line(f"More about a promise: pytest --usersync-explain {named.check.code}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _grouped(entries: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    groups: dict[object, list[T]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())
