"""The JSON report has a format of its own, which ``docs/report.md`` describes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from reports import ENDING, subject

from pytest_usersync.model.finding import ClientView, Failure, Location, Step
from pytest_usersync.model.sync import Blocked, Derived, Mirror, Sync, SyncTrigger, Table, Target
from pytest_usersync.reporting import json_report, json_types
from pytest_usersync.reporting.json_project import Shown

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
USERS = Table("public", "users")
PLACE = Location("1_sync.sql", 12, 3, "insert")
FAILURE = Failure("23502", "null", "row", "fill", "line 3", PLACE, "", "users", "email")
SYNC = Sync(
    triggers=(
        SyncTrigger(
            "made", "AFTER INSERT", "public.make", enabled=True, source="begin end", location=PLACE
        ),
    ),
    targets=(Target(USERS, "id", ("id", "email"), ("made",)),),
    side_tables=(Table("public", "log"),),
    mirrors=(Mirror(USERS, "email", ("email",)),),
    derived=(Derived(USERS, "name", ("metadata.name",), copied=True),),
    metadata_keys=("name",),
    metadata='{"name": "Ada"}',
    blocked=Blocked(FAILURE, ClientView(500, "unexpected_failure", "no"), "select 1"),
)
USERS_SHOWN = {"schema": "public", "name": "users"}
PLACE_SHOWN = {
    "file": "1_sync.sql",
    "line": 12,
    "column": 3,
    "end_line": None,
    "end_column": None,
    "source": "insert",
}
SHOWN = {
    "triggers": [
        {
            "name": "made",
            "event": "AFTER INSERT",
            "function": "public.make",
            "enabled": True,
            "source": "begin end",
            "place": PLACE_SHOWN,
            "function_place": None,
        }
    ],
    "targets": [
        {"table": USERS_SHOWN, "key": "id", "columns": ["id", "email"], "written_by": ["made"]}
    ],
    "side_tables": [{"schema": "public", "name": "log"}],
    "mirrors": [{"table": USERS_SHOWN, "column": "email", "sources": ["email"], "flag": False}],
    "derived": [
        {"table": USERS_SHOWN, "column": "name", "sources": ["metadata.name"], "copied": True}
    ],
    "metadata_keys": ["name"],
    "metadata": '{"name": "Ada"}',
    "blocked": {
        "failure": {
            "sqlstate": "23502",
            "message": "null",
            "detail": "row",
            "hint": "fill",
            "context": "line 3",
            "place": PLACE_SHOWN,
            "constraint": "",
            "table": "users",
            "column": "email",
        },
        "client": {"status": 500, "code": "unexpected_failure", "message": "no"},
        "sql": "select 1",
    },
}


def test_a_sync_is_shown_field_by_field() -> None:
    report = json_report.document(subject(SYNC), [], [], ENDING)
    assert report["sync"] == SHOWN
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    "shown",
    [
        *(json_types.Report, json_types.Server, json_types.Project, json_types.LoadFailure),
        *(json_types.Sync, json_types.Baseline, json_types.Check, json_types.Case),
        *(json_types.Finding, json_types.Place, json_types.Client, json_types.Acceptance),
        *(json_types.Cause, json_types.Remedy, json_types.Step, json_types.Tool),
    ],
)
def test_the_page_names_every_field(shown: type) -> None:
    assert get_type_hints(shown).keys() <= {*re.findall(r"`(\$?\w+)`", PAGE.read_text("utf-8"))}


def test_a_schedule_is_shown_step_by_step_and_is_null_for_what_is_no_race() -> None:
    shown = Shown.of(subject())
    steps = (Step("ada", "select 1;", PLACE), Step("eve", "-- deletion", waits_for="ada"))
    assert shown.schedule(steps) == [
        {"session": "ada", "sql": "select 1;", "place": PLACE_SHOWN, "waits_for": None},
        {"session": "eve", "sql": "-- deletion", "place": None, "waits_for": "ada"},
    ]
    assert shown.schedule(()) is None
