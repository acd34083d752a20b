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
_PASSING = re.compile(r"""'[^']*'|"[^"]*[^\w".][^"]*"|\S+@\S+|[0-9a-f-]{36}|\d+""", re.IGNORECASE)
# How many symptoms of one cause, and how many cases of one symptom, its title names.
_SYMPTOMS = 2
_CASES = 4


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
    """Return what a finding hangs on: what it or its check says, else the error, else the remedy.

    A row that a table refuses is one cause, whichever function writes it.
    """
    if known := finding.cause or check.cause:
        return known
    failed = finding.failure
    if failed is None:
        return CauseKey("remedy", f"{check.code} {_PASSING.sub('', finding.remedy)}")
    about = failed.constraint or failed.column or _PASSING.sub("", failed.message)
    if failed.sqlstate == "57014":  # How long a statement was given is no difference.
        about = ""
    # Integrity violations: the table refuses the row, and it makes no difference who sends it.
    where = "" if failed.sqlstate.startswith("23") else _function(failed)
    names = (where, failed.sqlstate, failed.table, about)
    return CauseKey("error", " ".join(filter(None, names)))


def identify(key: CauseKey) -> str:
    """Return the id of a cause."""
    return hashlib.sha256(f"{key.kind} {key.name}".encode()).hexdigest()[:12]


def _cause(known: CauseKey, found: Iterable[Found]) -> Cause:
    ordered = sorted(found, key=_weight)
    counted = [pair for pair in ordered if pair[1].open] or ordered
    # The worst finding speaks for the cause.
    check, first = counted[0]
    return Cause(
        id=identify(known),
        severity=check.severity,
        level=min((one.level for one, _ in counted), key=_LEVELS.index),
        title=_title(counted),
        summary=_summary(first),
        place=next((one.place for _, one in counted if one.place), None),
        failure=first.failure,
        client=first.client,
        remedy=first.remedy if first.failure else _remedies(counted),
        findings=tuple(ordered),
    )


def _title(found: Sequence[Found]) -> str:
    """Return the symptoms of a cause behind the label of the first: ``Signup fails: phone``."""
    check, first = found[0]
    label = check.symptom.partition(": ")[0]
    alike = dict.fromkeys(one for one, _ in found if one.symptom.startswith(f"{label}: "))
    texts = [_symptom(one, found).removeprefix(f"{label}: ") for one in alike]
    if not texts:
        return first.summary
    return f"{label}: {'; '.join(dict.fromkeys(texts[:_SYMPTOMS]))}"


def _symptom(check: Check, found: Iterable[Found]) -> str:
    cases = list(dict.fromkeys(one.case for known, one in found if known is check and one.case))
    if len(cases) > _CASES:
        cases = [*cases[: _CASES - 1], f"{len(cases) - _CASES + 1} more"]
    return check.symptom.format(cases=", ".join(cases))


def _summary(finding: Finding) -> str:
    """Return who does what; which request fails by it, the title says."""
    _, _, does = finding.summary.partition(": ")
    return does if does and finding.client and finding.failure else finding.summary


def _remedies(found: Iterable[Found]) -> str:
    """Return what there is to change, each once, the one for the worst finding first."""
    return "\n\n".join(dict.fromkeys(one.remedy.strip("\n") for _, one in found))


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
