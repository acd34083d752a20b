"""The findings that a project accepts, kept in a file that people read, edit and review.

A finding is known again by its check, its case and what it is about: SQLSTATE and the project's own
names, without lines, ids and our wording. So an entry outlives edits that have nothing to do with
it, and a finding about anything else is a new one.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from ..model.errors import ConfigurationError
from ..model.finding import Acceptance, Finding, Outcome
from ..model.safe_text import in_toml, travelling
from ..process import textfiles
from ..runner.check import Check
from ..runner.verdict import Verdict

_HEAD = """\
# Findings that this project accepts: they are shown and counted, and fail no run.
# `reason` is yours to write. `expires = 2027-06-30`, if you add it, is the last day that an entry
# counts. pytest --usersync --usersync-baseline-update rewrites this file: reasons and dates stay,
# other comments go, and so do the findings that are no more.
"""
_KEYS = {"check", "cases", "finding", "reason", "expires"}
# Values, addresses and ids are drawn anew each time, and lines move.
_PASSING = re.compile(
    r"""(?<!\w)'[^']*'(?!\w)|\S+@\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|:\d+\b""",
    re.IGNORECASE,
)
_NAME = re.compile(r"[\w$./-]*[\w$][._][\w$][\w$./-]*")
_QUOTED = re.compile(r'"([^"\s]+)"')

Case = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is accepted; ``cases`` is empty for a check that has none."""

    code: str
    cases: tuple[str, ...]
    finding: str
    reason: str = ""
    expires: date | None = None

    def __str__(self) -> str:
        cases = f" [{', '.join(self.cases)}]" if self.cases else ""
        return f"{self.code}{cases} {self.finding}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of one file; with ``update`` it takes in what it does not know."""

    path: Path
    entries: tuple[Entry, ...] = ()
    update: bool = False

    def mark(self, verdict: Verdict, today: date, *, worth: bool = True) -> Verdict:
        """Return the verdict with a mark on the findings that are accepted, or were once.

        Args:
            verdict: as the check gave it.
            today: decides what has expired.
            worth: whether the file is to hold such findings when it is updated.
        """
        return replace(
            verdict,
            findings=tuple(
                replace(one, accepted=self._acceptance(verdict, one, today, worth=worth))
                for one in verdict.findings
            ),
        )

    def gone(self, verdicts: Iterable[Verdict]) -> list[Entry]:
        """Return the entries, or those of their cases, that were judged and not found again."""
        known = {(one.code, one.case): one for one in verdicts}
        missing = [
            (one, [case for case in _cases(one) if _gone(one, case, known)]) for one in self.entries
        ]
        return [replace(one, cases=tuple(filter(None, cases))) for one, cases in missing if cases]

    def updated(self, verdicts: Iterable[Verdict]) -> str:
        """Return the file as it should be after these verdicts; what was not judged stays."""
        known = {(one.code, one.case): one for one in verdicts}
        kept = [
            replace(one, cases=tuple(filter(None, left)))
            for one in self.entries
            if (left := [case for case in _cases(one) if not _gone(one, case, known)])
        ]
        fresh: dict[tuple[str, str], dict[str, None]] = {}
        for verdict in known.values():
            for finding in verdict.findings:
                if finding.accepted and not self._entry(verdict, finding):
                    cases = fresh.setdefault((verdict.code, signature(finding)), {})
                    cases |= {verdict.case: None} if verdict.case else {}
        kept += [Entry(code, tuple(sorted(cases)), about) for (code, about), cases in fresh.items()]
        # A fixed order keeps the diff of an update small.
        kept.sort(key=lambda one: (one.code, one.finding, one.cases))
        return "\n".join([_HEAD, *map(_format_entry, kept)])

    def _entry(self, verdict: Verdict, finding: Finding) -> Entry | None:
        about = signature(finding)
        fitting = (
            one
            for one in self.entries
            if one.code == verdict.code and one.finding == about and verdict.case in _cases(one)
        )
        # Of two, the one that counts longer.
        return max(fitting, key=lambda one: one.expires or date.max, default=None)

    def _acceptance(
        self, verdict: Verdict, finding: Finding, today: date, *, worth: bool
    ) -> Acceptance | None:
        entry = self._entry(verdict, finding)
        if entry is None:
            return Acceptance() if self.update and worth else None
        expired = entry.expires is not None and entry.expires < today
        until = entry.expires.isoformat() if entry.expires else ""
        return Acceptance(entry.reason, until, expired)


def signature(finding: Finding) -> str:
    """Return what a finding is about: the SQLSTATE and the project's names, each once."""
    failed = finding.failure
    names = dict.fromkeys(_names(finding.summary))
    if failed:
        names |= dict.fromkeys(_QUOTED.findall(_PASSING.sub("", failed.message)))
        names = {failed.sqlstate: None, **{name: None for name in names if name != failed.sqlstate}}
    if names:
        return " ".join(names)
    # Without a name, the words are all there is, and numbers in them change.
    return re.sub(r"\d+", "#", " ".join(_PASSING.sub("", finding.summary).split()))


def read(path: Path, find: Callable[[str], Check], *, update: bool) -> Baseline:
    """Return what a file accepts; with ``update`` the file need not be there yet.

    Args:
        path: the file.
        find: returns the check of a code or name, or raises ``ConfigurationError``.
        update: whether the file will be written anew.

    Raises:
        ConfigurationError: a file that is no TOML, or an entry that cannot be meant.
    """
    if update and not path.exists():
        return Baseline(path, update=True)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}. Correct it.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    entries = data.pop("accepted", [])
    if data or not isinstance(entries, list):
        # A misspelt key would otherwise accept nothing, and nobody would notice.
        word = next(iter(data), "accepted")
        raise ConfigurationError(f"{path}: {word!r} is unknown. Write [[accepted]] entries.")
    return Baseline(
        path,
        tuple(_entry(path, number, one, find) for number, one in enumerate(entries, 1)),
        update,
    )


def write(path: Path, text: str) -> None:
    """Write the file, whole or not at all; raise ``ConfigurationError`` when it cannot be."""
    textfiles.write(path, text)


def _entry(path: Path, number: int, data: object, find: Callable[[str], Check]) -> Entry:
    place = f"{path}, entry {number}"
    if not isinstance(data, dict):
        raise ConfigurationError(f"{place} is not a table. Write [[accepted]] above it.")
    if unknown := sorted(data.keys() - _KEYS):
        raise ConfigurationError(f"{place}: {unknown[0]!r} is unknown. Use {', '.join(_WORDS)}.")
    about = data.get("finding")
    try:
        check = find(str(data.get("check", "")))
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from None
    if not isinstance(about, str) or not about.strip():
        raise ConfigurationError(
            f"{place}: finding is missing. --usersync-baseline-update adds it."
        )
    named = data.get("cases", [])
    known = ", ".join(check.cases) or "none"
    if not isinstance(named, list) or not all(one in check.cases for one in named):
        raise ConfigurationError(
            f"{place}: {named!r} are not cases of {check.code}. It has {known}."
        )
    if check.cases and not named:
        raise ConfigurationError(f"{place}: cases is missing. {check.code} has {known}.")
    reason = data.get("reason", "")
    if not isinstance(reason, str):
        raise ConfigurationError(f"{place}: reason = {reason!r} is not a text. Put it in quotes.")
    return Entry(check.code, tuple(named), about, reason, _date(place, data.get("expires")))


_WORDS = ("check", "cases", "finding", "reason", "expires")


def _date(place: str, given: object) -> date | None:
    if given is None or (isinstance(given, date) and not isinstance(given, datetime)):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise ConfigurationError(
            f"{place}: expires = {str(given)!r} is not a date. Write it as 2027-06-30."
        ) from None


def _format_entry(entry: Entry) -> str:
    lines = ["[[accepted]]", f"check = {_text(entry.code)}"]
    if entry.cases:
        lines.append(f"cases = [{', '.join(map(_text, entry.cases))}]")
    lines += [f"finding = {_text(entry.finding)}", f"reason = {_text(entry.reason)}"]
    if entry.expires:
        lines.append(f"expires = {entry.expires.isoformat()}")
    return "\n".join([*lines, ""])


def _text(value: str) -> str:
    """Return a text as TOML has it, which is as JSON has it, but in UTF-8 and without halves."""
    return in_toml(json.dumps(travelling(value), ensure_ascii=False))


def _names(text: str) -> Iterator[str]:
    for name in _NAME.findall(_PASSING.sub("", text)):
        if re.search("[A-Za-z]", name):
            yield name.strip("./-")


def _cases(entry: Entry) -> tuple[str, ...]:
    return entry.cases or ("",)


def _gone(entry: Entry, case: str, verdicts: Mapping[Case, Verdict]) -> bool:
    verdict = verdicts.get((entry.code, case))
    # What could not be judged, or not to its end, may still be there.
    if (
        verdict is None
        or verdict.outcome is Outcome.NOT_JUDGED
        or (verdict.findings and verdict.reason)
    ):
        return False
    return entry.finding not in map(signature, verdict.findings)
