"""``--usersync-baseline`` accepts the findings that a file lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]
Write = Callable[[str], Path]

ENTRY = """
[[accepted]]
check = "US911"
finding = "it broke"
reason = "nobody signs up here"
"""
GIVEN = "--usersync-baseline=baseline.toml"


@pytest.fixture
def baseline(pytester: pytest.Pytester) -> Write:
    """Return a function that writes the baseline."""

    def baseline(text: str) -> Path:
        path = pytester.path / "baseline.toml"
        path.write_text(f"version = 2\n{text}", encoding="utf-8")
        return path

    return baseline


def test_what_is_accepted_fails_no_run_and_is_shown(run: Run, baseline: Write) -> None:
    baseline(ENTRY)
    result = run(GIVEN, "-v", select="US901,US911")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "pytest.ini::US911 ACCEPTED*",
            "*= usersync: no findings =*",
            "Accepted:",
            "  US911 (nobody signs up here): it broke",
            "2 checks: 1 accepted, 1 kept",
            "*1 passed, 1 accepted in*",
        ]
    )


def test_the_ini_file_names_it_too(run: Run, baseline: Write, pytester: pytest.Pytester) -> None:
    baseline(ENTRY)
    pytester.makefile(".ini", pytest="[pytest]\nusersync_baseline = baseline.toml\n")
    assert run(select="US911").ret == pytest.ExitCode.OK


def test_without_it_the_finding_counts(run: Run, baseline: Write) -> None:
    baseline(ENTRY)
    assert run(select="US911").ret == pytest.ExitCode.TESTS_FAILED


def test_another_finding_of_the_check_counts(run: Run, baseline: Write) -> None:
    baseline(ENTRY.replace("it broke", "it tore"))
    result = run(GIVEN, select="US911")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "1 check: 1 broken",
            "1 finding of baseline.toml is gone; --usersync-baseline-update removes:",
            "  US911 it tore",
        ]
    )


def test_an_accepted_warning_passes_under_strict(run: Run, baseline: Write) -> None:
    baseline(ENTRY.replace("US911", "US902"))
    assert run(GIVEN, "--usersync-strict", select="US902").ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("expires", "code"),
    [
        ("2099-12-31", pytest.ExitCode.OK),
        ("2020-01-31", pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_an_entry_counts_to_its_last_day(
    run: Run, baseline: Write, expires: str, code: pytest.ExitCode
) -> None:
    baseline(f"{ENTRY}expires = {expires}\n")
    result = run(GIVEN, select="US911")
    assert result.ret == code
    over = f"*accepted until {expires} (expired): nobody signs up here."
    until = f"  US911 (nobody signs up here, until {expires}): it broke"
    result.stdout.fnmatch_lines([until if code is pytest.ExitCode.OK else over])


def test_what_was_not_judged_cannot_be_accepted(run: Run, baseline: Write, project: Path) -> None:
    baseline(ENTRY)
    project.write_text("select 1;", encoding="utf-8")
    result = run(GIVEN, select="US911")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["1 check: 1 not judged"])
    result.stdout.no_fnmatch_line("*of baseline.toml is gone*")


def test_what_was_not_run_is_not_said_to_be_gone(run: Run, baseline: Write) -> None:
    baseline(ENTRY)
    result = run(GIVEN, select="US901")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*of baseline.toml is gone*")


def test_a_finding_that_is_gone_is_told_and_fails_nothing(run: Run, baseline: Write) -> None:
    baseline(ENTRY.replace("US911", "US901"))
    result = run(GIVEN, select="US901")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["1 finding of baseline.toml is gone; *", "  US901 it broke"])


def test_the_report_keeps_the_finding_and_says_that_it_is_accepted(
    run: Run, baseline: Write, pytester: pytest.Pytester
) -> None:
    baseline(ENTRY + ENTRY.replace("US911", "US901"))
    run(GIVEN, "--usersync-report=report.json", select="US901,US911")
    data = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    kept, broken = data["checks"]
    assert (kept["accepted"], broken["accepted"]) == (False, True)
    assert broken["outcome"] == "broken"
    reason = {"reason": "nobody signs up here", "expires": "", "expired": False}
    assert broken["findings"][0]["accepted"] == reason
    assert data["baseline"]["entries"] == 2
    assert data["baseline"]["gone"] == [{"check": "US901", "cases": [], "finding": "it broke"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[accepted]\n", "baseline.toml is not TOML: "),
        ('title = "x"', "'title' is unknown. Write [[accepted]] entries."),
        ('accepted = "x"', "'accepted' is unknown. Write [[accepted]] entries."),
        ('accepted = ["x"]', "entry 1 is not a table. Write [[accepted]] above it."),
        (ENTRY.replace("US911", "US999"), "entry 1: 'US999' is not a check. "),
        (ENTRY.replace("reason", "because"), "entry 1: 'because' is unknown. Use check, cases"),
        (ENTRY.replace("finding", "#"), "entry 1: finding is missing."),
        (ENTRY + 'cases = ["phone"]', "entry 1: ['phone'] are not cases of US911. It has none."),
        (
            ENTRY + 'expires = "soon"',
            "entry 1: expires = 'soon' is not a date. Write it as 2027-",
        ),
        (ENTRY + "expires = 2027-06-31", "baseline.toml is not TOML: "),
        (ENTRY.replace('"nobody signs up here"', "7"), "entry 1: reason = 7 is not a text."),
        (ENTRY + "times = 0", "entry 1: times = 0 is not a number from 1."),
        (ENTRY + "times = true", "entry 1: times = True is not a number from 1."),
    ],
)
def test_a_wrong_file_is_one_line(
    refused: Callable[..., str], baseline: Write, text: str, said: str
) -> None:
    baseline(text)
    assert said in refused(GIVEN)


def test_a_missing_file_is_one_line(refused: Callable[..., str]) -> None:
    said = refused(GIVEN)
    assert "baseline.toml does not exist. Add --usersync-baseline-update to write it." in said


def test_a_folder_is_no_file(refused: Callable[..., str]) -> None:
    said = refused("--usersync-baseline=supabase")
    assert "is a folder. Give the name of a file." in said


def test_bytes_that_are_no_text_are_one_line(refused: Callable[..., str], baseline: Write) -> None:
    baseline("").write_bytes(b"\xff\xfe")
    assert "baseline.toml is not TOML: " in refused(GIVEN)


def test_a_file_of_version_1_is_one_line_that_says_how_to_rewrite_it(
    refused: Callable[..., str], baseline: Write
) -> None:
    path = baseline("")
    path.write_text(ENTRY, encoding="utf-8")
    said = refused(GIVEN)
    assert "baseline.toml is a baseline of version 1. Run once with" in said
    assert "--usersync-baseline-update: it rewrites the file and keeps reasons and dates." in said
    assert path.read_text(encoding="utf-8") == ENTRY


@pytest.mark.parametrize("options", [(), ("--usersync-baseline-update",)])
def test_a_file_of_a_later_version_is_one_line(
    refused: Callable[..., str], baseline: Write, options: tuple[str, ...]
) -> None:
    path = baseline("")
    path.write_text(f"version = 3\n{ENTRY}", encoding="utf-8")
    assert "version = 3 is unknown. This pytest-usersync reads 2." in refused(GIVEN, *options)
    assert path.read_text(encoding="utf-8") == f"version = 3\n{ENTRY}"
