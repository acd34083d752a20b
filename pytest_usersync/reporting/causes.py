"""Findings joined by cause: a cause is what one change of the project would mend."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..model.finding import CauseKey, ClientView, Failure, Finding, Level, Location, Severity
from ..runner.check import Check
from .check_summary import CheckSummary

Found = tuple[Check, Finding]

_SEVERITIES = tuple(Severity)
_LEVELS = tuple(Level)
_FUNCTION = re.compile(
    r"^PL/pgSQL function ([^\n(]+)\(|^SQL function ([^\n]+?) (?:statement|during)", re.MULTILINE
)
# Values, addresses, ids and numbers differ from run to run, and lines move.
_PASSING = re.compile(r"""'[^']*'|"[^"]*"|\S+@\S+|[0-9a-f-]{36}|\d+""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cause:
    """Findings of one cause, and what is to be said of them once.

    Args:
        id: the same in every run, whatever line the cause moves to.
        severity: the worst of its checks.
        level: the worst of its findings, of those that nobody accepted if there are any.
        title: one line in the app's terms.
        summary: who does what, in one sentence.
        place: the line of the project to change, when known.
        failure: PostgreSQL's error, if there was one.
        client: what the app shows, if a request failed.
        remedy: what to change.
        findings: each with its check, the most severe first.
    """

    id: str
    severity: Severity
    level: Level
    title: str
    summary: str
    place: Location | None
    failure: Failure | None
    client: ClientView | None
    remedy: str
    findings: tuple[Found, ...]

    @property
    def open(self) -> bool:
        """Tell whether it counts: the project does not accept all of its findings."""
        return any(finding.open for _, finding in self.findings)


def causes(judged: Sequence[CheckSummary]) -> list[Cause]:
    """Return the causes of all findings, by severity, then level, then code."""
    groups: dict[CauseKey, list[Found]] = {}
    for one in judged:
        for finding in one.findings():
            groups.setdefault(key(one.check, finding), []).append((one.check, finding))
    return sorted((_cause(known, found) for known, found in groups.items()), key=_rank)


def key(check: Check, finding: Finding) -> CauseKey:
    """Return what a finding hangs on: what its check says, else the error, else the words."""
    if finding.cause:
        return finding.cause
    if failed := finding.failure:
        about = failed.constraint or failed.column or _PASSING.sub("", failed.message)
        if failed.sqlstate == "57014":  # How long a statement was given is no difference.
            about = ""
        names = (_function(failed), failed.sqlstate, failed.table, about)
        return CauseKey("error", " ".join(filter(None, names)))
    where = finding.location.file if finding.location else ""
    return CauseKey("remedy", f"{check.code} {where} {_PASSING.sub('', finding.remedy)}")


def identify(key: CauseKey) -> str:
    """Return the id of a cause."""
    return hashlib.sha256(f"{key.kind} {key.name}".encode()).hexdigest()[:12]


def _cause(known: CauseKey, found: Iterable[Found]) -> Cause:
    ordered = sorted(found, key=_weight)
    check, first = ordered[0]
    counted = [one for one, finding in ordered if finding.open] or [one for one, _ in ordered]
    return Cause(
        id=identify(known),
        severity=check.severity,
        level=min((one.level for one in counted), key=_LEVELS.index),
        title=first.summary,
        summary=first.summary,
        place=next((one.place for _, one in ordered if one.place), None),
        failure=first.failure,
        client=first.client,
        remedy=first.remedy,
        findings=tuple(ordered),
    )


def _weight(pair: Found) -> tuple[object, ...]:
    check, finding = pair
    return (
        not finding.open,
        _SEVERITIES.index(check.severity),
        _LEVELS.index(check.level),
        check.code,
    )


def _rank(cause: Cause) -> tuple[object, ...]:
    first, _ = cause.findings[0]
    return _SEVERITIES.index(cause.severity), _LEVELS.index(cause.level), first.code


def _function(failed: Failure) -> str:
    """Return the innermost function of the project in which an error arose."""
    found = _FUNCTION.search(failed.context)
    return (found[1] or found[2]).strip('"') if found else ""
