"""The part of the JSON report that says what was judged: project, sync, places in files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..model.finding import ClientView, Failure, Location, Step
from ..model.sync import Blocked, Sync, SyncTrigger, Table
from ..runner.check import LoadFailure, Subject
from . import json_types
from .line_hash import line_hash
from .paths import Paths, known_files


@dataclass(frozen=True)
class Shown:
    """How the report names the project's files: from the repository.

    Args:
        paths: where the project and its repository are.
        files: what sentences about the project call its files.
    """

    paths: Paths
    files: tuple[str, ...]

    @classmethod
    def of(cls, subject: Subject) -> Shown:
        """Return how the files of a subject are named."""
        files = subject.project
        return cls(Paths(files.root, files.root), known_files(files))

    def path(self, file: Path | str) -> str:
        """Return the path of a file."""
        return self.paths.in_repository(file)

    def text(self, text: str) -> str:
        """Return a sentence with the paths in it."""
        return self.paths.retell(text, self.files, document=True)

    def place(self, one: Location | None) -> json_types.Place | None:
        """Return a place in a file, if there is one."""
        return self.at(one) if one else None

    def at(self, one: Location) -> json_types.Place:
        """Return a place in a file."""
        return {
            "file": self.path(one.file),
            "line": one.line,
            "column": one.column,
            "end_line": one.end_line or None,
            "end_column": one.end_column or None,
            "source": one.source,
            "line_hash": line_hash(self.paths.root / one.file, one.line) or None,
        }

    def schedule(self, steps: Sequence[Step]) -> list[json_types.Step] | None:
        """Return what the sessions of a race do, in this order; nothing for what is no race."""
        return [
            {
                "session": one.session,
                "sql": one.sql,
                "place": self.place(one.place),
                "waits_for": one.waits_for or None,
            }
            for one in steps
        ] or None


def project(shown: Shown, subject: Subject) -> json_types.Project:
    """Return the files of the project, and what became of them."""
    files, failures = subject.project, subject.load_failures
    return {
        "root": shown.path(files.root),
        "origin": files.origin,
        "anchor": shown.at(_anchor(subject)),
        "migrations": [shown.path(one.path) for one in files.migrations],
        "skipped": [{"file": shown.path(path), "reason": why} for path, why in files.skipped],
        "load_failure": _failed(shown, failures[0]) if failures else None,
        "load_failures": [_failed(shown, one) for one in failures],
    }


def _anchor(subject: Subject) -> Location:
    """Return where a program shows what has no place: at the trigger, or what should create it."""
    files = subject.project
    for trigger in subject.sync.triggers:
        if trigger.location:
            return trigger.location
    paths = [*(one.path for one in reversed(files.migrations)), *filter(None, [files.config])]
    path = next((one for one in paths if one.is_file()), files.hook_path())
    with suppress(OSError, IndexError):
        first = path.read_text("utf-8", "replace").splitlines()[0]
        return Location(files.show_path(path), 1, source=first)
    return Location(files.show_path(path), 1)


def _failed(shown: Shown, failed: LoadFailure) -> json_types.LoadFailure:
    return {
        "file": shown.path(failed.file),
        "role": failed.role or "migration",
        "statement": failed.statement,
        "failure": _failure(shown, failed.failure),
        "missed_lines": list(failed.lines),
    }


def sync(shown: Shown, found: Sync) -> json_types.Sync:
    """Return the sync as it was found."""
    return {
        "triggers": [_trigger(shown, one) for one in found.triggers],
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
        "blocked": _blocked(shown, found.blocked) if found.blocked else None,
    }


def _trigger(shown: Shown, one: SyncTrigger) -> json_types.Trigger:
    return {
        "name": one.name,
        "event": one.event,
        "function": one.function,
        "enabled": one.enabled,
        "source": one.source,
        "place": shown.place(one.location),
        "function_place": shown.place(one.function_location),
    }


def _blocked(shown: Shown, one: Blocked) -> json_types.Blocked:
    failure = _failure(shown, one.failure) if one.failure else None
    return {"failure": failure, "client": client(one.client), "sql": one.sql}


def _failure(shown: Shown, one: Failure) -> json_types.Failure:
    return {
        "sqlstate": one.sqlstate,
        "message": one.message,
        "detail": one.detail,
        "hint": one.hint,
        "context": one.context,
        "place": shown.place(one.location),
        "constraint": one.constraint,
        "table": one.table,
        "column": one.column,
    }


def client(one: ClientView) -> json_types.Client:
    """Return what the user of the app sees."""
    return {"status": one.status, "code": one.code, "message": one.message}


def _table(one: Table) -> json_types.Table:
    return {"schema": one.schema, "name": one.name}
