"""The JSON report: what was judged, on what, and what became of it. See ``docs/report.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

from ..model.finding import Finding
from ..model.safe_text import in_json
from ..process import textfiles
from ..runner.check import Check, Subject
from . import fingerprint, json_types
from .baseline import Baseline, Entry
from .check_summary import CheckSummary
from .json_project import client, place, project, schedule, sync

_NAME = "pytest-usersync"
_PAGES = "https://github.com/pytest-usersync/pytest-usersync/blob/main"
# What a person pastes into psql; sentences begin with a capital.
_SQL = re.compile(
    r"(alter|begin|call|comment|create|delete|do|drop|grant|insert|revoke|select|set|truncate"
    r"|update|with)\b"
)
_SETTING = re.compile(r"\busersync_\w+ = |\bconfig\.toml\b")
_OF_CHAPTER: dict[str, json_types.Severity] = {
    "1": "signup-fails",
    "2": "wrong-data",
    "3": "users-lost",
    "6": "data-exposed",
}
SCHEMA = f"{_PAGES}/pytest_usersync/reporting/report.schema.json"


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
    return {
        "$schema": SCHEMA,
        "version": 2,
        "tool": {"name": _NAME, "version": version(_NAME)},
        "seed": subject.exploration.seed,
        "exit_status": ending.exit_status,
        "started": ending.started.isoformat(timespec="seconds"),
        "duration_s": round(ending.duration, 3),
        "server": {"origin": subject.server.origin, "version": subject.server.version},
        "project": project(subject),
        "sync": sync(subject.sync),
        "policies": subject.policies.as_dict(),
        "baseline": _baseline(baseline, gone) if baseline else None,
        "causes": [],
        "checks": [_row(one) for one in judged],
        "not_run": [check.code for check in checks if check.code not in done],
    }


def write(path: Path, data: Mapping[str, object]) -> None:
    """Write the report, whole or not at all; raise ``ConfigurationError`` when it cannot be."""
    text = in_json(json.dumps(data, indent=2, ensure_ascii=False))
    textfiles.write(path, f"{text}\n")


def help_uri(check: Check) -> str:
    """Return the address of the page that explains a check."""
    return f"{_PAGES}/docs/checks.md#{check.code.lower()}-{check.name}"


def finding(check: Check, one: Finding, mark: str) -> json_types.Finding:
    """Return a finding as the report shows it; ``mark`` is its fingerprint."""
    failure, accepted = one.failure, one.accepted
    return {
        "code": check.code,
        "name": check.name,
        "promise": check.promise,
        "help_uri": help_uri(check),
        "level": check.level.value,
        "severity": _severity(check),
        "cause": "",
        "fingerprint": mark,
        "case": one.case,
        "summary": one.summary,
        "sql": one.sql,
        "sqlstate": failure.sqlstate if failure else None,
        "message": failure.message if failure else None,
        "detail": failure.detail if failure else None,
        "hint": failure.hint if failure else None,
        "context": failure.context if failure else None,
        "place": place(one.place),
        "client": client(one.client) if one.client else None,
        "remedy": remedy(one.remedy),
        "schedule": schedule(one.schedule),
        "accepted": {
            "reason": accepted.reason,
            "expires": accepted.expires,
            "expired": accepted.expired,
        }
        if accepted
        else None,
    }


def _baseline(known: Baseline, gone: Sequence[Entry]) -> json_types.Baseline:
    return {
        "file": str(known.path),
        "entries": len(known.entries),
        "gone": [
            {"check": one.code, "cases": list(one.cases), "finding": one.finding} for one in gone
        ],
    }


def _row(one: CheckSummary) -> json_types.Check:
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
        "severity": _severity(one.check),
        "outcome": one.outcome.value,
        "reason": "; ".join(reasons) or None,
        "accepted": one.accepted,
        "duration_s": round(sum(verdict.seconds for verdict in one.verdicts), 3),
        "findings": [
            finding(one.check, found, mark)
            for verdict in one.verdicts
            for found, mark in zip(verdict.findings, fingerprint.of(verdict), strict=True)
        ],
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


def remedy(text: str) -> json_types.Remedy:
    """Return a remedy with its kind: SQL to paste, a setting of the plugin, or a decision."""
    return {"kind": _kind(text), "text": text, "verified": None}


def _kind(text: str) -> Literal["sql", "config", "decision"]:
    if any(_SQL.match(line) for line in text.splitlines()):
        return "sql"
    return "config" if _SETTING.search(text) else "decision"


def _severity(check: Check) -> json_types.Severity:
    return _OF_CHAPTER.get(check.code[2], "maintenance")
