"""Without ``--usersync-stop`` a run goes on after a migration that fails; with it, it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

TRIGGER = "create trigger make_profile after insert on auth.users"


@pytest.fixture
def judge(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, dict[str, object]]]:
    """Return a function that runs real checks and returns the rows of the report, by code."""
    monkeypatch.delenv("USERSYNC_DSN", raising=False)

    def judge(*args: str) -> dict[str, dict[str, object]]:
        report = pytester.path / "report.json"
        chosen = "--usersync-select=US101,US102,US103,US701"
        options = (chosen, f"--usersync-report={report}", "-p", "no:randomly")
        pytester.runpytest_inprocess("--usersync", *options, *args)
        rows = json.loads(report.read_text())["checks"]
        return {row["code"]: row for row in rows}

    return judge


Judge = Callable[..., dict[str, dict[str, object]]]


def outcomes(rows: dict[str, dict[str, object]]) -> dict[str, object]:
    return {code: row["outcome"] for code, row in rows.items()}


def write(project: Path, name: str, text: str) -> None:
    (project.parent / name).write_text(text)


def test_what_a_failure_does_not_touch_is_judged(judge: Judge, project: Path) -> None:
    write(project, "20250101000000_early.sql", "create table public.a ();\nselect nope;")

    rows = judge()

    assert outcomes(rows) == {"US101": "kept", "US102": "kept", "US103": "kept", "US701": "broken"}
    (finding,) = rows["US701"]["findings"]  # type: ignore[misc]
    assert "20250101000000_early.sql:2 does not apply: 42703" in finding["summary"]


def test_with_stop_nothing_behind_the_first_failure_is_applied(judge: Judge, project: Path) -> None:
    write(project, "20250101000000_early.sql", "create table public.a ();\nselect nope;")

    rows = judge("--usersync-stop")

    assert outcomes(rows) == {
        "US101": "not-judged",
        "US102": "not-judged",
        "US103": "not-judged",
        "US701": "broken",
    }
    assert rows["US102"]["reason"] == "20250101000000_early.sql does not apply (US701)"


def test_a_signup_that_misses_what_failed_is_not_judged(judge: Judge, project: Path) -> None:
    text = project.read_text().replace("email text)", "email citext2)")
    project.write_text(text)

    rows = judge()

    assert outcomes(rows)["US102"] == "not-judged"
    assert rows["US102"]["reason"] == f"{project.name} does not apply (US701)"
    (finding,) = rows["US701"]["findings"]  # type: ignore[misc]
    assert finding["place"]["line"] == 2


def test_a_missing_trigger_is_not_judged_when_it_was_to_be_made(
    judge: Judge, project: Path
) -> None:
    project.write_text(project.read_text().replace(TRIGGER, TRIGGER.replace("auth", "nowhere")))

    assert outcomes(judge())["US101"] == "not-judged"


def test_a_signup_that_fails_for_another_reason_is_judged(judge: Judge, project: Path) -> None:
    project.write_text(project.read_text().replace("public.profiles (id, email)", "gone (id)"))
    write(project, "20250101000000_early.sql", "select nope;")

    assert outcomes(judge())["US102"] == "broken"


def test_every_file_has_one_finding_and_names_the_one_it_waits_for(
    judge: Judge, project: Path, pytester: pytest.Pytester
) -> None:
    write(
        project, "20250101000000_a.sql", "create table public.a (i citext2);\nselect b;\nselect c;"
    )
    write(project, "20250102000000_b.sql", "alter table public.a add column j int;")

    rows = judge()

    first, second = rows["US701"]["findings"]  # type: ignore[misc]
    assert "2 more statements of the file did not apply (lines 2, 3)" in first["summary"]
    assert second["remedy"]["text"].startswith(
        "Correct supabase/migrations/20250101000000_a.sql:1 first"
    )
    document = json.loads((pytester.path / "report.json").read_text())
    failures = document["project"]["load_failures"]
    assert document["project"]["load_failure"] == failures[0]
    assert [one["missed_lines"] for one in failures] == [[1, 2, 3], [1]]


@pytest.mark.parametrize("option", ["before", "setup"])
def test_what_was_made_by_hand_is_told_by_its_name(
    judge: Judge, pytester: pytest.Pytester, option: str
) -> None:
    (pytester.path / "hand.sql").write_text("select 1;\nselect nope;")

    rows = judge(f"--usersync-{option}=hand.sql")

    (finding,) = rows["US701"]["findings"]  # type: ignore[misc]
    assert f"hand.sql:2 (named in usersync_{option}, applied" in finding["summary"]
