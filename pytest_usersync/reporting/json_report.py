"""The JSON report: what was judged, on what, and what became of it. See ``docs/report.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..model.safe_text import in_json
from ..process import textfiles
from ..runner.check import Check, LoadFailure, Subject
from .baseline import Baseline, Entry
from .summary import CheckSummary

VERSION = 1


def document(
    subject: Subject,
    checks: Sequence[Check],
    judged: Sequence[CheckSummary],
    baseline: Baseline | None = None,
    gone: Sequence[Entry] = (),
) -> dict[str, object]:
    """Return the report as plain data; a field is only ever added while ``version`` stays."""
    done = {one.check.code for one in judged}
    return {
        "version": VERSION,
        "server": {"origin": subject.server.origin, "version": subject.server.version},
        "project": _project(subject),
        "sync": asdict(subject.sync),
        "policies": subject.policies.as_dict(),
        "baseline": _baseline(baseline, gone) if baseline else None,
        "checks": [_row(one) for one in judged],
        "not_run": [check.code for check in checks if check.code not in done],
    }


def write(path: Path, data: dict[str, object]) -> None:
    """Write the report, whole or not at all; raise ``ConfigurationError`` when it cannot be."""
    text = in_json(json.dumps(data, indent=2, ensure_ascii=False))
    textfiles.write(path, f"{text}\n")


def _baseline(known: Baseline, gone: Sequence[Entry]) -> dict[str, object]:
    return {
        "file": str(known.path),
        "entries": len(known.entries),
        "gone": [
            {"check": one.code, "cases": list(one.cases), "finding": one.finding} for one in gone
        ],
    }


def _project(subject: Subject) -> dict[str, object]:
    project, failures = subject.project, subject.load_failures
    return {
        "root": str(project.root),
        "origin": project.origin,
        "migrations": [migration.path.name for migration in project.migrations],
        "skipped": [{"file": path.name, "reason": why} for path, why in project.skipped],
        "load_failure": _failed(failures[0]) if failures else None,
        "load_failures": [_failed(one) for one in failures],
    }


def _failed(failed: LoadFailure) -> dict[str, object]:
    return {
        "file": failed.file,
        "role": failed.role or "migration",
        "statement": failed.statement,
        "failure": asdict(failed.failure),
        "missed_lines": list(failed.lines),
    }


def _row(one: CheckSummary) -> dict[str, object]:
    reasons = dict.fromkeys(
        verdict.reason
        for verdict in one.verdicts
        if verdict.outcome is one.outcome and verdict.reason
    )
    return {
        "code": one.check.code,
        "name": one.check.name,
        "level": one.check.level.value,
        "outcome": one.outcome.value,
        "reason": "; ".join(reasons) or None,
        "accepted": one.accepted,
        "duration_s": round(sum(verdict.seconds for verdict in one.verdicts), 3),
        "findings": [finding.as_json() for finding in one.findings()],
        "cases": [
            {
                "case": verdict.case,
                "outcome": verdict.outcome.value,
                "reason": verdict.reason or None,
            }
            for verdict in one.verdicts
        ],
        "cases_not_run": one.missing,
    }
