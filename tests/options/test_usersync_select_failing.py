"""A run fails when a migration did not apply, whatever is selected; what is accepted may be so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

LATER = "20990101000000_later.sql"
TOLD = (
    f'supabase/migrations/{LATER}:2 does not apply: 42703 column "nope" does not exist. The run'
    " fails because of this, although US701 was not judged."
)
BASELINE = """
version = 2
[[accepted]]
check = "US701"
finding = "42703 nope"
reason = "known"
"""


@pytest.fixture
def judge(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Return a function that judges a sound sync beside which something else was not applied."""
    monkeypatch.delenv("USERSYNC_DSN", raising=False)

    def judge(*options: str, **files: str) -> pytest.RunResult:
        for name, text in (files or {LATER: "select 1;\nselect nope;"}).items():
            (project.parent / name).write_text(text)
        return pytester.runpytest_inprocess("--usersync", "-p", "no:randomly", *options)

    return judge


Judge = Callable[..., pytest.RunResult]


@pytest.mark.parametrize(
    "options",
    [
        ("--usersync-select=US101",),
        ("--usersync-select=US101", "-n", "2"),
        ("-k", "US101"),
        ("pytest.ini::US101",),
    ],
    ids=["select", "parallel", "keyword", "node-id"],
)
def test_what_did_not_apply_fails_a_run_in_which_all_else_is_kept(
    judge: Judge, options: tuple[str, ...]
) -> None:
    result = judge(*options)

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.outlines.count(TOLD) == 1


def test_a_run_with_the_check_says_it_once(judge: Judge) -> None:
    result = judge("--usersync-select=US101,US701")

    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "The run fails because of this" not in result.stdout.str()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "20260101000000_other.sql",
            "*_profiles.sql:1 does not apply: 23505*US702 was not*",
        ),
        ("2026-02-01_other.sql", "*_other.sql is skipped by the Supabase CLI:*US702 was not*"),
    ],
    ids=["version", "name"],
)
def test_a_file_that_the_cli_would_not_apply_counts_too(judge: Judge, name: str, told: str) -> None:
    result = judge("--usersync-select=US101", **{name: "select 1"})

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([told])


@pytest.mark.parametrize("ignored", ["US701", "us7"])
def test_what_is_ignored_is_accepted(judge: Judge, ignored: str) -> None:
    result = judge("--usersync-select=US101", f"--usersync-ignore={ignored}")

    assert result.ret == pytest.ExitCode.OK
    assert "The run fails because of this" not in result.stdout.str()


@pytest.mark.parametrize(("name", "ended"), [("nope", 0), ("other", 1)])
def test_what_the_baseline_accepts_is_accepted(
    judge: Judge, pytester: pytest.Pytester, name: str, ended: int
) -> None:
    (pytester.path / "known.toml").write_text(BASELINE.replace("nope", name))

    result = judge("--usersync-select=US101", "--usersync-baseline=known.toml")

    assert result.ret == ended
    assert result.outlines.count(TOLD) == ended


def test_a_run_of_nothing_that_concerns_the_project_is_a_usage_error(
    judge: Judge, pytester: pytest.Pytester
) -> None:
    sound = {"20990101000000_more.sql": "select 1"}
    result = judge("--usersync-select=US405,US406", **sound)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["--usersync judged nothing: none of the chosen checks concerns this project. Choose*"]
    )
    again = judge("--usersync-select=US405,US101", **sound)
    assert again.ret == pytest.ExitCode.OK
