"""Findings grouped by cause: a cause that breaks several checks is shown once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from ..model.finding import Finding, Level
from ..runner.check import Check
from .check_summary import CheckSummary
from .wording import accepted, advice, cause, describe_response, headline, indented, prose

T = TypeVar("T")

# How many findings of one cause are told in the summary before they are only counted.
_ENOUGH = 2
_WEIGHT = (Level.ERROR, Level.WARNING, Level.INFO)
_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}


class Line(NamedTuple):
    """A line for the terminal; ``style`` is a colour, or empty."""

    text: str
    style: str = ""


@dataclass
class _Group:
    """The findings of one cause and one check, and those of other checks that it breaks as well."""

    check: Check
    findings: list[Finding]
    others: list[_Group] = field(default_factory=list)

    @property
    def cases(self) -> list[str]:
        return list(dict.fromkeys(one.case for one in self.findings if one.case))


def broken(judged: Sequence[CheckSummary]) -> Iterator[Line]:
    """Yield a block for each check that is broken by a cause of its own."""
    blocks = grouped(_own(judged), lambda group: group.check.code)
    for groups in blocks:
        yield from _block(groups[0].check, groups)
        yield Line("")
    # Whoever tells the cause, each case has its database.
    for one in judged:
        yield from _kept_databases(one)


def grouped(entries: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    """Return the entries in groups of one key each, in the order in which the keys come."""
    groups: dict[object, list[T]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())


def _own(judged: Sequence[CheckSummary]) -> list[_Group]:
    """Return the groups, each under the check that it weighs most in; by code."""
    groups = [
        _Group(one.check, same)
        for one in judged
        for same in grouped(one.counted(), lambda one: (cause(one), one.location))
    ]
    owners: dict[object, _Group] = {}
    own: list[_Group] = []
    for group in sorted(groups, key=lambda one: _WEIGHT.index(one.check.level)):
        # Two remedies are two causes, whatever error they show themselves by.
        owner = owners.setdefault(group.findings[0].remedy, group)
        if owner.check.code == group.check.code:
            own.append(group)
        else:
            owner.others.append(group)
    return sorted(own, key=lambda one: one.check.code)


def _block(check: Check, groups: Iterable[_Group]) -> Iterator[Line]:
    yield Line(f"{headline(check)} ({check.level})", _COLOURS[check.level])
    yield from (Line(text) for text in prose(check.promise, "  "))
    for group in groups:
        # What does not fail the run has no failure text of its own, so its SQL is shown here.
        yield from _describe_cause(group, whole=check.level is not Level.ERROR)


def _describe_cause(group: _Group, *, whole: bool) -> Iterator[Line]:
    """Yield one cause with all the cases that it breaks."""
    first = group.findings[0]
    if group.cases:
        yield from (Line(text) for text in prose(f"Broken for: {', '.join(group.cases)}", "  "))
    summaries = list(dict.fromkeys(finding.summary for finding in group.findings))
    shown = summaries[:1] if first.failure else summaries[:_ENOUGH]
    for text in shown:
        yield from (Line(line) for line in prose(text, "    "))
    if len(summaries) > len(shown) and not first.failure:
        yield Line(f"    and {len(summaries) - len(shown)} more of this kind")
    sql = ["Try it in psql:", *indented(first.sql)] if whole else []
    said = [f"{first.failure.sqlstate}: {first.failure.message}"] if first.failure else []
    over = prose(accepted(first))
    for text in (*sql, *said, *describe_response(first), *over, "Remedy:", *advice(first.remedy)):
        yield Line(f"    {text}")
    if group.others:
        yield Line("  The same cause breaks:")
    for other in group.others:
        yield from (Line(line) for line in prose(_other(other), "    "))


def _other(group: _Group) -> str:
    cases = f" for {', '.join(group.cases)}" if group.cases else ""
    level = "" if group.check.level is Level.ERROR else f" ({group.check.level})"
    return f"{headline(group.check)}{level}{cases}: {group.findings[0].summary}"


def _kept_databases(one: CheckSummary) -> Iterator[Line]:
    for verdict in one.verdicts:
        if verdict.kept:
            yield Line(headline(one.check, verdict.case))
            yield from (Line(f"  Kept: {line}") for line in verdict.kept.splitlines())
            yield Line("")
