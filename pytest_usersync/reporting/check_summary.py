"""A check with what became of its cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

from ..model.finding import Finding, Outcome
from ..runner.check import Check
from ..runner.verdict import Verdict, merged

T = TypeVar("T")


class CheckSummary(NamedTuple):
    """A check with the verdicts on all its cases."""

    check: Check
    verdicts: tuple[Verdict, ...]

    @property
    def outcome(self) -> Outcome:
        """Return the outcome of the check as a whole, whatever of it is accepted."""
        return merged(self.verdicts)

    @property
    def accepted(self) -> bool:
        """Tell whether it is broken in nothing but what the project accepts."""
        broken = [one for one in self.verdicts if one.outcome is Outcome.BROKEN]
        return bool(broken) and all(one.accepted for one in broken)

    @property
    def unjudged(self) -> bool:
        """Tell whether a case was not judged, or not to its end, for all that is accepted."""
        return any(
            one.outcome is Outcome.NOT_JUDGED or (one.accepted and one.reason)
            for one in self.verdicts
        )

    @property
    def missing(self) -> list[str]:
        """Return the cases that were not judged: deselected, or the run ended before."""
        done = {verdict.case for verdict in self.verdicts}
        return [case for case in self.check.cases if case not in done]

    @property
    def word(self) -> str:
        """Return the word under which the check is counted: its level when it is broken."""
        if self.outcome is Outcome.BROKEN and not self.accepted:
            return self.check.level
        if self.unjudged:
            return "not judged"
        if self.accepted:
            return "accepted"
        if self.outcome is Outcome.KEPT and self.missing:
            return "kept in part"
        return self.outcome.replace("-", " ")

    def findings(self) -> list[Finding]:
        """Return the findings of all cases, in the order of the check's cases."""
        return [finding for verdict in self.verdicts for finding in verdict.findings]

    def counted(self) -> list[Finding]:
        """Return the findings that nobody accepted."""
        return [finding for finding in self.findings() if finding.open]


def grouped(entries: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    """Return the entries in groups of one key each, in the order in which the keys come."""
    groups: dict[object, list[T]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())


def gather(checks: Sequence[Check], verdicts: Iterable[Verdict]) -> list[CheckSummary]:
    """Return the checks that were judged, by code, each with its verdicts in its order of cases."""
    known = {check.code: check for check in checks}

    def place(verdict: Verdict) -> tuple[str, int]:
        cases = known[verdict.code].cases
        # A check without cases has one verdict, which names none.
        return verdict.code, cases.index(verdict.case) if verdict.case in cases else -1

    ordered = sorted((verdict for verdict in verdicts if verdict.code in known), key=place)
    return [
        CheckSummary(known[code], tuple(group))
        for code, group in groupby(ordered, key=lambda verdict: verdict.code)
    ]
