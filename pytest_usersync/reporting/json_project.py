"""The part of the JSON report that says what was judged: project, sync, places in files."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.finding import ClientView, Failure, Location, Step
from ..model.sync import Blocked, Sync, SyncTrigger, Table
from ..runner.check import LoadFailure, Subject
from . import json_types


def project(subject: Subject) -> json_types.Project:
    """Return the files of the project, and what became of them."""
    files, failures = subject.project, subject.load_failures
    return {
        "root": str(files.root),
        "origin": files.origin,
        "migrations": [migration.path.name for migration in files.migrations],
        "skipped": [{"file": path.name, "reason": why} for path, why in files.skipped],
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


def sync(found: Sync) -> json_types.Sync:
    """Return the sync as it was found."""
    return {
        "triggers": [_trigger(one) for one in found.triggers],
        "targets": [
            {
                "table": _table(one.table),
                "key": one.key,
                "columns": [*one.columns],
                "written_by": [*one.written_by],
            }
            for one in found.targets
        ],
        "side_tables": [_table(one) for one in found.side_tables],
        "mirrors": [
            {
                "table": _table(one.table),
                "column": one.column,
                "sources": [*one.sources],
                "flag": one.flag,
            }
            for one in found.mirrors
        ],
        "derived": [
            {
                "table": _table(one.table),
                "column": one.column,
                "sources": [*one.sources],
                "copied": one.copied,
            }
            for one in found.derived
        ],
        "metadata_keys": [*found.metadata_keys],
        "metadata": found.metadata,
        "blocked": _blocked(found.blocked) if found.blocked else None,
    }


def _trigger(one: SyncTrigger) -> json_types.Trigger:
    return {
        "name": one.name,
        "event": one.event,
        "function": one.function,
        "enabled": one.enabled,
        "source": one.source,
        "place": place(one.location),
        "function_place": place(one.function_location),
    }


def _blocked(one: Blocked) -> json_types.Blocked:
    failure = _failure(one.failure) if one.failure else None
    return {"failure": failure, "client": client(one.client), "sql": one.sql}


def _failure(one: Failure) -> json_types.Failure:
    return {
        "sqlstate": one.sqlstate,
        "message": one.message,
        "detail": one.detail,
        "hint": one.hint,
        "context": one.context,
        "place": place(one.location),
        "constraint": one.constraint,
        "table": one.table,
        "column": one.column,
    }


def place(one: Location | None) -> json_types.Place | None:
    """Return a place in a file, if there is one."""
    if one is None:
        return None
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "end_line": None,
        "end_column": None,
        "source": one.source,
    }


def schedule(steps: Sequence[Step]) -> list[json_types.Step] | None:
    """Return what the sessions of a race do, in this order; nothing for what is no race."""
    return [
        {
            "session": one.session,
            "sql": one.sql,
            "place": place(one.place),
            "waits_for": one.waits_for or None,
        }
        for one in steps
    ] or None


def client(one: ClientView) -> json_types.Client:
    """Return what the user of the app sees."""
    return {"status": one.status, "code": one.code, "message": one.message}


def _table(one: Table) -> json_types.Table:
    return {"schema": one.schema, "name": one.name}
