"""The JSON report: what was judged, on what, and what became of it. See ``docs/report.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..model.finding import ClientView, Failure, Finding, Location
from ..model.safe_text import in_json
from ..model.sync import Blocked, Sync, SyncTrigger, Table
from ..process import textfiles
from ..runner.check import Check, LoadFailure, Subject
from . import json_types
from .baseline import Baseline, Entry
from .check_summary import CheckSummary


def document(
    subject: Subject,
    checks: Sequence[Check],
    judged: Sequence[CheckSummary],
    baseline: Baseline | None = None,
    gone: Sequence[Entry] = (),
) -> json_types.Report:
    """Return the report as plain data; a field is only ever added while ``version`` stays."""
    done = {one.check.code for one in judged}
    return {
        "version": 1,
        "server": {"origin": subject.server.origin, "version": subject.server.version},
        "project": _project(subject),
        "sync": _sync(subject.sync),
        "policies": subject.policies.as_dict(),
        "baseline": _baseline(baseline, gone) if baseline else None,
        "checks": [_row(one) for one in judged],
        "not_run": [check.code for check in checks if check.code not in done],
    }


def write(path: Path, data: Mapping[str, object]) -> None:
    """Write the report, whole or not at all; raise ``ConfigurationError`` when it cannot be."""
    text = in_json(json.dumps(data, indent=2, ensure_ascii=False))
    textfiles.write(path, f"{text}\n")


def finding(one: Finding) -> json_types.Finding:
    """Return a finding as the report shows it."""
    failure, accepted = one.failure, one.accepted
    return {
        "case": one.case,
        "summary": one.summary,
        "sql": one.sql,
        "sqlstate": failure.sqlstate if failure else None,
        "message": failure.message if failure else None,
        "detail": failure.detail if failure else None,
        "hint": failure.hint if failure else None,
        "context": failure.context if failure else None,
        "location": _location(one.place),
        "client": _client(one.client) if one.client else None,
        "remedy": one.remedy,
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


def _project(subject: Subject) -> json_types.Project:
    project, failures = subject.project, subject.load_failures
    return {
        "root": str(project.root),
        "origin": project.origin,
        "migrations": [migration.path.name for migration in project.migrations],
        "skipped": [{"file": path.name, "reason": why} for path, why in project.skipped],
        "load_failure": _failed(failures[0]) if failures else None,
        "load_failures": [_failed(one) for one in failures],
    }


def _failed(failed: LoadFailure) -> json_types.LoadFailure:
    return {
        "file": failed.file,
        "role": failed.role or "migration",
        "statement": failed.statement,
        "failure": _failure(failed.failure),
        "missed_lines": list(failed.lines),
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
        "level": one.check.level.value,
        "outcome": one.outcome.value,
        "reason": "; ".join(reasons) or None,
        "accepted": one.accepted,
        "duration_s": round(sum(verdict.seconds for verdict in one.verdicts), 3),
        "findings": [finding(found) for found in one.findings()],
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


def _sync(sync: Sync) -> json_types.Sync:
    return {
        "triggers": [_trigger(one) for one in sync.triggers],
        "targets": [
            {
                "table": _table(one.table),
                "key": one.key,
                "columns": [*one.columns],
                "written_by": [*one.written_by],
            }
            for one in sync.targets
        ],
        "side_tables": [_table(one) for one in sync.side_tables],
        "mirrors": [
            {
                "table": _table(one.table),
                "column": one.column,
                "sources": [*one.sources],
                "flag": one.flag,
            }
            for one in sync.mirrors
        ],
        "derived": [
            {
                "table": _table(one.table),
                "column": one.column,
                "sources": [*one.sources],
                "copied": one.copied,
            }
            for one in sync.derived
        ],
        "metadata_keys": [*sync.metadata_keys],
        "metadata": sync.metadata,
        "blocked": _blocked(sync.blocked) if sync.blocked else None,
    }


def _trigger(one: SyncTrigger) -> json_types.Trigger:
    return {
        "name": one.name,
        "event": one.event,
        "function": one.function,
        "enabled": one.enabled,
        "source": one.source,
        "location": _location(one.location),
        "function_location": _location(one.function_location),
    }


def _blocked(one: Blocked) -> json_types.Blocked:
    failure = _failure(one.failure) if one.failure else None
    return {"failure": failure, "client": _client(one.client), "sql": one.sql}


def _failure(one: Failure) -> json_types.Failure:
    return {
        "sqlstate": one.sqlstate,
        "message": one.message,
        "detail": one.detail,
        "hint": one.hint,
        "context": one.context,
        "location": _location(one.location),
        "constraint": one.constraint,
        "table": one.table,
        "column": one.column,
    }


def _location(one: Location | None) -> json_types.Location | None:
    if one is None:
        return None
    return {"file": one.file, "line": one.line, "column": one.column, "source": one.source}


def _client(one: ClientView) -> json_types.Client:
    return {"status": one.status, "code": one.code, "message": one.message}


def _table(one: Table) -> json_types.Table:
    return {"schema": one.schema, "name": one.name}
