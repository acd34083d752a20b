"""Validating reports against the schema that comes with the package."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pytest_usersync.migrations import Project
from pytest_usersync.model.policy import Policies
from pytest_usersync.model.sync import Sync
from pytest_usersync.postgres import Server
from pytest_usersync.reporting import json_report, json_types
from pytest_usersync.runner.check import Subject

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SERVER = Server("user=x", 170010, "PostgreSQL 17.10 embedded", own=True)
ENDING = json_report.Ending(0, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), 5.6)


def subject(sync: Sync = Sync()) -> Subject:  # noqa: B008  it is frozen
    """Return what a run judges, without a database."""
    return Subject(SERVER, Project(Path("/p"), "found", ()), "loaded", sync, Policies())


@cache
def validator() -> Draft202012Validator:
    # Most tests write no report, and an environment from before need not have it.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    schema = json.loads(json_report.SCHEMA.read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def faults(report: object) -> list[str]:
    """Return what is wrong with a report, by the schema and by what the schema cannot say."""
    found = [f"{one.json_path}: {one.message[:300]}" for one in validator().iter_errors(report)]
    return found or _contradictions(cast("json_types.Report", report))


def _contradictions(report: json_types.Report) -> list[str]:
    findings = [one for check in report["checks"] for one in check["findings"]]
    marks = [one["fingerprint"] for one in findings]
    caused = [mark for cause in report["causes"] for mark in cause["findings"]]
    said = {cause["id"]: {*cause["findings"]} for cause in report["causes"]}
    pairs = {
        "two findings have one fingerprint": len(marks) != len({*marks}),
        "the causes have other findings than the checks": sorted(marks) != sorted(caused),
        "a finding has another cause": any(
            one["fingerprint"] not in said.get(one["cause"], ()) for one in findings
        ),
        "a file is not named from the repository": any(
            one["place"] and one["place"]["file"].startswith("/") for one in findings
        ),
    }
    return [words for words, wrong in pairs.items() if wrong]


def written(folder: Path) -> dict[Path, Any]:
    """Return the reports below a folder: the JSON files with our schema's address."""
    found: dict[Path, Any] = {}
    for path in folder.rglob("*.json"):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(data, dict) and data.get("$schema") == json_report.SCHEMA_URI:
            found[path] = data
    return found
