"""GitLab's Code Quality report has the keys that GitLab reads, each as it wants it."""

from __future__ import annotations

import json
from typing import Any

from documents import finding, many, place, report
from jsonschema import Draft202012Validator

from pytest_usersync.reporting.formats.registry import named
from pytest_usersync.reporting.json_types import Report

# The table in https://docs.gitlab.com/ci/testing/code_quality/, as a schema.
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./|/).+"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
        "additionalProperties": False,
    },
}


def gitlab(made: Report) -> list[dict[str, Any]]:
    text = named("gitlab").render(made)
    assert text.startswith("[")  # no byte order mark
    data: list[dict[str, Any]] = json.loads(text)
    Draft202012Validator(SCHEMA).validate(data)
    prints = [one["fingerprint"] for one in data]
    assert len(set(prints)) == len(prints)
    return data


def test_an_entry_names_check_severity_and_place() -> None:
    (one,) = gitlab(report([finding(case="phone", at=place(14)), finding(case="web3")]))
    assert one["check_name"] == "US104-null-email-blocked"
    assert one["severity"] == "blocker"
    assert one["location"] == {
        "path": "supabase/migrations/2_sync.sql",
        "lines": {"begin": 14},
    }
    assert "Cases: phone, web3." in one["description"]


def test_severities_follow_the_cause_and_the_level() -> None:
    made = report(
        [
            finding("US608", severity="data-exposed", cause="a"),
            finding("US113", severity="wrong-data", cause="b"),
            finding("US208", severity="wrong-data", level="warning", cause="c"),
            finding("US510", severity="maintenance", level="info", cause="d"),
        ]
    )
    found = {one["check_name"][:5]: one["severity"] for one in gitlab(made)}
    assert found == {"US608": "critical", "US113": "major", "US208": "minor", "US510": "info"}


def test_a_fingerprint_stays_when_a_line_moves_or_a_case_is_added() -> None:
    (before,) = gitlab(report([finding(case="phone", at=place(14))]))
    (after,) = gitlab(report([finding(case="anonymous"), finding(case="phone", at=place(90))]))
    assert before["fingerprint"] == after["fingerprint"]
    (other,) = gitlab(report([finding(case="phone", cause="c2")]))
    assert before["fingerprint"] != other["fingerprint"]


def test_nothing_found_is_an_empty_list() -> None:
    assert gitlab(report()) == []
    assert gitlab(report([finding(accepted=True)])) == []


def test_hostile_findings_keep_to_the_keys() -> None:
    assert len(gitlab(many())) == 5_000
