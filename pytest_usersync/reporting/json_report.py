"""The JSON report: what was judged, on what, and what became of it. See ``docs/report.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from ..model.safe_text import in_json
from ..process import textfiles
from ..runner.check import Check, Subject
from . import fingerprint, json_types
from .baseline import Baseline, Entry
from .causes import causes
from .check_summary import CheckSummary
from .json_findings import PAGES, cause, finding, help_uri
from .json_project import Shown, project, sync

_NAME = "pytest-usersync"
SCHEMA = Path(__file__).with_name("report-v2.schema.json")
SCHEMA_URI = f"{PAGES.replace('blob', 'raw')}/pytest_usersync/reporting/{SCHEMA.name}"


class Ending(NamedTuple):
    """How a run ended, when it began, and how many seconds it took."""

    exit_status: int
    started: datetime
    duration: float


def document(
    subject: Subject,
    checks: Sequence[Check],
    judged: Sequence[CheckSummary],
    ending: Ending,
    baseline: Baseline | None = None,
    gone: Sequence[Entry] = (),
) -> json_types.Report:
    """Return the report as plain data; a field is only ever added while ``version`` stays."""
    done = {one.check.code for one in judged}
    shown = Shown.of(subject)
    marks = _fingerprints(judged)
    return {
        "$schema": SCHEMA_URI,
        "version": 2,
        "tool": {"name": _NAME, "version": version(_NAME)},
        "seed": subject.exploration.seed,
        "exit_status": ending.exit_status,
        "started": ending.started.isoformat(timespec="seconds"),
        "duration_s": round(ending.duration, 3),
        "server": {"origin": subject.server.origin, "version": subject.server.version},
        "project": project(shown, subject),
        "sync": sync(shown, subject.sync),
        "policies": subject.policies.as_dict(),
        "baseline": _baseline(shown, baseline, gone) if baseline else None,
        "causes": [cause(shown, one, marks) for one in causes(judged)],
        "checks": [_row(shown, one, marks) for one in judged],
        "not_run": [check.code for check in checks if check.code not in done],
    }


def write(path: Path, data: Mapping[str, object]) -> None:
    """Write the report, whole or not at all; raise ``ConfigurationError`` when it cannot be."""
    text = in_json(json.dumps(data, indent=2, ensure_ascii=False))
    textfiles.write(path, f"{text}\n")


def _baseline(shown: Shown, known: Baseline, gone: Sequence[Entry]) -> json_types.Baseline:
    return {
        "file": shown.path(known.path),
        "entries": len(known.entries),
        "gone": [
            {"check": one.code, "cases": list(one.cases), "finding": one.finding} for one in gone
        ],
    }


def _fingerprints(judged: Sequence[CheckSummary]) -> dict[int, str]:
    """Return the fingerprints of all findings, by the ``id()`` of each."""
    verdicts = (verdict for one in judged for verdict in one.verdicts)
    return {
        id(found): mark
        for verdict in verdicts
        for found, mark in zip(verdict.findings, fingerprint.of(verdict), strict=True)
    }


def _row(shown: Shown, one: CheckSummary, marks: Mapping[int, str]) -> json_types.Check:
    reasons = dict.fromkeys(
        verdict.reason
        for verdict in one.verdicts
        if verdict.outcome is one.outcome and verdict.reason
    )
    return {
        "code": one.check.code,
        "name": one.check.name,
        "promise": one.check.promise,
        "help": one.check.page,
        "help_uri": help_uri(one.check),
        "level": one.check.level.value,
        "severity": one.check.severity.value,
        "outcome": one.outcome.value,
        "reason": shown.text("; ".join(reasons)) or None,
        "accepted": one.accepted,
        "duration_s": round(sum(verdict.seconds for verdict in one.verdicts), 3),
        "findings": [
            finding(shown, one.check, found, marks[id(found)]) for found in one.findings()
        ],
        "cases": [
            {
                "case": verdict.case,
                "outcome": verdict.outcome.value,
                "reason": shown.text(verdict.reason) or None,
            }
            for verdict in one.verdicts
        ],
        "cases_not_run": one.missing,
    }
