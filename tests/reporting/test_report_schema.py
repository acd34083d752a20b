"""The schema in the package is that of the report's types, and refuses what they do not have."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from reports import ENDING, faults, subject, written

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Finding, Outcome
from pytest_usersync.reporting import json_report, json_types
from pytest_usersync.reporting.check_summary import gather
from pytest_usersync.reporting.json_findings import PAGES, help_uri
from pytest_usersync.runner.verdict import Verdict

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def report() -> json_types.Report:
    found = Finding("public.users.email takes no NULL", "select 1;", "Decide.", "phone")
    check = registry.find("US104")
    verdicts = [Verdict("US104", "phone", Outcome.BROKEN, findings=(found,))]
    return json_report.document(subject(), [check], gather([check], verdicts), ENDING)


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("s", CHECKOUT / "tools" / "report_schema.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_schema_is_that_of_the_types() -> None:
    assert json_report.SCHEMA.read_text(encoding="utf-8") == tool().text(), (
        "run python tools/report_schema.py"
    )
    Draft202012Validator.check_schema(tool().schema())


def test_a_report_is_valid() -> None:
    assert faults(report()) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one.update(more=1),
        lambda one: one.pop("seed"),
        lambda one: one.update(version=1),
        lambda one: one.update(started="yesterday"),
        lambda one: one["checks"][0].update(outcome="failed"),
        lambda one: one["checks"][0]["findings"][0].update(fingerprint="x"),
        lambda one: one["checks"][0]["findings"][0].update(cause="0" * 12),
        lambda one: one["checks"][0]["findings"][0].pop("place"),
        lambda one: one["checks"][0]["findings"][0]["remedy"].update(kind="prayer"),
        lambda one: one["causes"].clear(),
    ],
)
def test_what_the_types_do_not_have_is_refused(spoil: Callable[[Any], object]) -> None:
    spoilt = copy.deepcopy(report())
    spoil(spoilt)
    assert faults(spoilt)


def test_reports_are_found_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    json_report.write(tmp_path / "out" / "r.json", report())
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "no.json").write_text("{")
    assert [*written(tmp_path)] == [tmp_path / "out" / "r.json"]


def test_the_addresses_are_those_of_the_project() -> None:
    assert f"{PROJECT['urls']['Repository']}/blob/main" == PAGES
    schema = json.loads(json_report.SCHEMA.read_text(encoding="utf-8"))
    address = json_report.SCHEMA.relative_to(CHECKOUT).as_posix()
    assert schema["$id"] == f"{PROJECT['urls']['Repository']}/raw/main/{address}"


def test_every_check_has_its_page() -> None:
    page, anchors = PAGES + "/docs/checks.md", set()
    for title in re.findall(
        r"^## (.+)$", (CHECKOUT / "docs/checks.md").read_text("utf-8"), re.MULTILINE
    ):
        anchors.add(f"{page}#{title.lower().replace(' ', '-')}")
    assert {help_uri(check) for check in registry.every()} == anchors
