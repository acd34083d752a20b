"""The findings that a project accepts, known again by what their fingerprints are made of.

An entry says this in words: check, cases, and the SQLSTATE and names that ``fingerprint.subject``
returns. So it outlives edits that have nothing to do with it, and people can read and review it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeGuard

from ..model.errors import ConfigurationError
from ..model.finding import Acceptance, Finding, Outcome
from ..runner.verdict import Verdict
from . import fingerprint, old_baseline

Case = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is accepted.

    Args:
        cases: empty for a check that has none.
        finding: what it is about.
        times: how many findings of one case are about it.
    """

    code: str
    cases: tuple[str, ...]
    finding: str
    reason: str = ""
    expires: date | None = None
    times: int = 1

    def __str__(self) -> str:
        cases = f" [{', '.join(self.cases)}]" if self.cases else ""
        return f"{self.code}{cases} {self.finding}"

    def covers(self, case: str) -> bool:
        """Tell whether it is about a case of its check."""
        return case in (self.cases or ("",))


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of one file.

    Args:
        update: whether the file takes in what it does not know.
        old: whether the file is of version 1, which is read only to be rewritten.
    """

    path: Path
    entries: tuple[Entry, ...] = ()
    update: bool = False
    old: bool = False

    def mark(self, verdict: Verdict, today: date, *, worth: bool = True) -> Verdict:
        """Return the verdict with a mark on the findings that are accepted, or were once.

        Args:
            verdict: as the check gave it.
            today: decides what has expired.
            worth: whether the file is to hold such findings when it is updated.
        """
        marked = (
            replace(one, accepted=self._acceptance(self._entry(verdict, about, nth), today, worth))
            for one, about, nth in self._numbered(verdict)
        )
        return replace(verdict, findings=tuple(marked))

    def gone(self, verdicts: Iterable[Verdict]) -> list[Entry]:
        """Return the entries, or those of their cases, that were judged and not found again."""
        known = _by_case(verdicts)
        return list(self._parted(lambda entry, case: self._gone(entry, case, known)))

    def updated(self, verdicts: Collection[Verdict]) -> list[Entry]:
        """Return the entries as they should be after these verdicts; what was not judged stays.

        Raises:
            ConfigurationError: the file is of version 1, and has entries that were not judged: what
                they would be in this version is not known.
        """
        known = _by_case(verdicts)
        if self.old:
            self._require_judged(known)
        kept = self._parted(lambda entry, case: not self._gone(entry, case, known))
        fresh: dict[Entry, Entry] = {}
        for verdict in known.values():
            for one, about, nth in self._numbered(verdict):
                entry = self._entry(verdict, about, nth)
                if one.accepted and (self.old or not entry):
                    _take_in(fresh, verdict, one, entry)
        # A fixed order keeps the diff of an update small.
        entries = [*(() if self.old else kept), *fresh.values()]
        return sorted(entries, key=lambda one: (one.code, one.finding, one.cases))

    def _about(self, finding: Finding) -> str:
        return old_baseline.signature(finding) if self.old else fingerprint.subject(finding)

    def _numbered(self, verdict: Verdict) -> Iterator[tuple[Finding, str, int]]:
        """Yield each finding, what it is about, and how many before it are about the same."""
        seen: Counter[str] = Counter()
        for one in verdict.findings:
            about = self._about(one)
            seen[about] += 1
            yield one, about, seen[about]

    def _entry(self, verdict: Verdict, about: str, nth: int) -> Entry | None:
        fitting = (
            one
            for one in self.entries
            if one.code == verdict.code and one.finding == about and one.covers(verdict.case)
            # Version 1 did not count.
            if self.old or nth <= one.times
        )
        # Of two, the one that counts longer.
        return max(fitting, key=lambda one: one.expires or date.max, default=None)

    def _acceptance(self, entry: Entry | None, today: date, worth: bool) -> Acceptance | None:  # noqa: FBT001
        if entry is None:
            return Acceptance() if self.update and worth else None
        expired = entry.expires is not None and entry.expires < today
        until = entry.expires.isoformat() if entry.expires else ""
        return Acceptance(entry.reason, until, expired)

    def _parted(self, chosen: Callable[[Entry, str], bool]) -> Iterator[Entry]:
        """Yield the entries with the cases that are chosen; those without one are left out."""
        for entry in self.entries:
            if cases := [one for one in entry.cases or ("",) if chosen(entry, one)]:
                yield replace(entry, cases=tuple(filter(None, cases)))

    def _gone(self, entry: Entry, case: str, known: Mapping[Case, Verdict]) -> bool:
        if not _judged(known.get((entry.code, case))):
            return False
        return all(
            about != entry.finding for _, about, _ in self._numbered(known[entry.code, case])
        )

    def _require_judged(self, known: Mapping[Case, Verdict]) -> None:
        left = [*self._parted(lambda entry, case: not _judged(known.get((entry.code, case))))]
        if left:
            more = f" and {len(left) - 1} more" if left[1:] else ""
            raise ConfigurationError(
                f"{self.path} is of version 1 and was not rewritten: this run did not judge"
                f" {left[0]}{more}. Remove these entries, or judge all checks and cases."
            )


def _take_in(
    fresh: dict[Entry, Entry], verdict: Verdict, finding: Finding, known: Entry | None
) -> None:
    """Add an accepted finding to a new entry that differs in nothing but its cases, or make one."""
    reason, expires = (known.reason, known.expires) if known else ("", None)
    about = fingerprint.subject(finding)
    times = sum(fingerprint.subject(one) == about for one in verdict.findings)
    cases = (verdict.case,) if verdict.case else ()
    alike = Entry(verdict.code, (), about, reason, expires, times)
    so_far = fresh[alike].cases if alike in fresh else ()
    fresh[alike] = replace(alike, cases=tuple(sorted({*so_far, *cases})))


def _by_case(verdicts: Iterable[Verdict]) -> dict[Case, Verdict]:
    return {(one.code, one.case): one for one in verdicts}


def _judged(verdict: Verdict | None) -> TypeGuard[Verdict]:
    """Tell whether a case was judged to its end: else what was found before may still be there."""
    if verdict is None or verdict.outcome is Outcome.NOT_JUDGED:
        return False
    return not (verdict.findings and verdict.reason)
