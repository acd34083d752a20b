"""Rows that several formats are made of: what one check finds of one cause, and where.

A program that shows findings joins those of one check on one line anyway, and keeps only the first
of them. So their cases are named together in one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...model.safe_text import cut, sentence, visible
from ..json_types import Cause, Check, Finding, Place, Report

_ROW_LIMIT = 600
# Where the whole remedy is one click away, more of it hides what else is found.
_REMEDY_LINES = 12


class Row(NamedTuple):
    """What one check finds of one cause, all cases together."""

    check: Check
    cause: Cause
    findings: list[Finding]
    place: Place

    @property
    def first(self) -> Finding:
        """Return the finding that stands for the others."""
        return self.findings[0]

    @property
    def cases(self) -> list[str]:
        """Return the names of its cases, each once."""
        return list(dict.fromkeys(one["case"] for one in self.findings if one["case"]))

    @property
    def key(self) -> str:
        """Return what tells it from others, in every run."""
        return f"{self.check['code']} {self.cause['id']}"


def rows(report: Report) -> list[Row]:
    """Return the rows of all findings that nobody accepted, the most severe cause first."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for check in report["checks"]:
        for finding in check["findings"]:
            if is_open(finding):
                found.setdefault((finding["cause"], check["code"]), []).append(finding)
    checks = {check["code"]: check for check in report["checks"]}
    return [
        Row(checks[code], cause, found[cause["id"], code], _place(report, cause, found, code))
        for cause in report["causes"]
        for code in cause["checks"]
        if (cause["id"], code) in found
    ]


def open_causes(report: Report) -> list[Cause]:
    """Return the causes of which the project does not accept every finding, as they are ordered."""
    counted = {
        finding["cause"]
        for check in report["checks"]
        for finding in check["findings"]
        if is_open(finding)
    }
    return [cause for cause in report["causes"] if cause["id"] in counted]


def is_open(finding: Finding) -> bool:
    """Tell whether a finding counts: nobody accepted it, or no longer."""
    return finding["accepted"] is None or finding["accepted"]["expired"]


def place_of(report: Report, cause: Cause) -> Place:
    """Return the line of a cause, or that of the sync where the repository has none."""
    return _within(cause["place"]) or report["project"]["anchor"]


def _within(place: Place | None) -> Place | None:
    """Return a place unless its file is outside the repository, where programs look for none."""
    return None if place is None or place["file"].startswith(("../", "/")) else place


def message(row: Row, limit: int = _ROW_LIMIT) -> str:
    """Return what happens in some lines: who, in which cases, what the app shows, what helps."""
    first = row.first
    lines = [sentence(" ".join(cut(first["summary"], limit).split()))]
    if len(row.cases) > 1:
        lines.append(cut(f"Cases: {', '.join(row.cases)}.", limit))
    if first["client"]:
        status, said = first["client"]["status"], first["client"]["message"]
        lines.append(cut(f'The app shows: {status} "{said}"', limit))
    if first["sqlstate"]:
        lines.append(cut(f"PostgreSQL {first['sqlstate']}: {first['message'] or ''}", limit))
    lines.append(f"Fix: {beginning(first['remedy']['text'])}")
    return visible("\n".join(lines))


def beginning(remedy: str) -> str:
    """Return the first lines of a remedy, and how many more the report has."""
    lines = [cut(line, _ROW_LIMIT) for line in cut(remedy.strip()).splitlines()]
    left = len(remedy.strip().splitlines()) - _REMEDY_LINES
    if left <= 1:
        return "\n".join(lines)
    return "\n".join([*lines[:_REMEDY_LINES], f"-- {left} more lines in the report"])


def unjudged(report: Report) -> Iterator[tuple[Check, str]]:
    """Yield the checks that could not be judged, whole or in part, each with the reasons."""
    for check in report["checks"]:
        cases = [case for case in check["cases"] if case["outcome"] == "not-judged"]
        if cases:
            reasons = dict.fromkeys(case["reason"] for case in cases if case["reason"])
            yield check, "; ".join(reasons) or check["reason"] or "no reason is known"


def _place(
    report: Report, cause: Cause, found: dict[tuple[str, str], list[Finding]], code: str
) -> Place:
    own = (_within(one["place"]) for one in found[cause["id"], code])
    return next(filter(None, own), None) or place_of(report, cause)
