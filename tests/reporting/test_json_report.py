"""The JSON report has a format of its own, which ``docs/report.md`` describes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_type_hints

import pytest
from reports import ENDING, subject

from pytest_usersync.model.finding import ClientView, Failure, Location, Step
from pytest_usersync.model.settings import Settings
from pytest_usersync.model.sync import Blocked, Derived, Mirror, Sync, SyncTrigger, Table, Target
from pytest_usersync.reporting import json_report, json_types
from pytest_usersync.reporting.json_project import Shown
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.subject import find

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
    "line_hash": None,
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


def test_what_has_no_place_is_shown_at_the_trigger_or_what_should_create_it(tmp_path: Path) -> None:
    folder = tmp_path / "app" / "supabase"
    (folder / "migrations").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("1_a.sql", "2_b.sql"):
        (folder / "migrations" / name).write_text(f"select '{name}';\n")
    (folder / "config.toml").write_text("[db]\n")
    files = find(Settings(), tmp_path / "app")
    made = replace(subject(), project=files)
    assert anchor(made) == ("app/supabase/migrations/2_b.sql", 1, "select '2_b.sql';")
    triggered = replace(SYNC.triggers[0], location=Location("supabase/migrations/1_a.sql", 1))
    assert anchor(replace(made, sync=Sync(triggers=(triggered,))))[0].endswith("1_a.sql")
    none = replace(files, migrations=())
    assert anchor(replace(made, project=none)) == ("app/supabase/config.toml", 1, "[db]")


def anchor(made: Subject) -> tuple[str, int, str]:
    place = json_report.document(made, [], [], ENDING)["project"]["anchor"]
    assert place["line_hash"]
    return place["file"], place["line"], place["source"]
