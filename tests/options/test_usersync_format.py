"""``--usersync-format`` and several ``--usersync-report`` write the results for other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]
BROKEN = "US901,US911"


def test_several_reports_are_written_in_the_formats_that_their_endings_mean(
    run: Run, pytester: pytest.Pytester
) -> None:
    names = ("a.json", "b.sarif", "c.md")
    run(*(f"--usersync-report={name}" for name in names), select=BROKEN)
    assert json.loads(Path("a.json").read_text())["version"] == 2
    assert json.loads(Path("b.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "US911"
    assert Path("c.md").read_text().startswith("## usersync: 1 cause\n")


def test_a_named_format_wins_over_the_ending(run: Run, pytester: pytest.Pytester) -> None:
    run("--usersync-report=a.json", "--usersync-format=gitlab", select=BROKEN)
    (entry,) = json.loads(Path("a.json").read_text())
    assert entry["check_name"] == "US911-broken"
    assert entry["location"]["path"].startswith("supabase/migrations/")


def test_formats_belong_to_the_reports_in_their_order(run: Run, pytester: pytest.Pytester) -> None:
    reports = ("--usersync-report=a.md", "--usersync-report=b.txt")
    run(*reports, "--usersync-format=pr-comment,github", "--usersync-format=sarif", select=BROKEN)
    assert Path("a.md").read_text().startswith("<!-- pytest-usersync -->\n")
    assert json.loads(Path("b.txt").read_text())["version"] == "2.1.0"


def test_github_prints_annotations_and_adds_to_the_summary_of_the_step(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = pytester.path / "summary.md"
    summary.write_text("of another tool\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = run("--usersync-format=github", "--usersync-report=a.sarif", select=BROKEN)
    lines = result.stdout.lines
    (annotation,) = [line for line in lines if line.startswith("::error ")]
    assert re.search(r"file=supabase/migrations/\w+\.sql,line=\d+,", annotation)
    (stop,) = [at for at, line in enumerate(lines) if line.startswith("::stop-commands::")]
    token = lines[stop].removeprefix("::stop-commands::")
    assert len(token) >= 32
    (start,) = [at for at, line in enumerate(lines) if line == f"::{token}::"]
    assert stop < start < lines.index(annotation)
    assert any(line.startswith("2 checks: ") for line in lines[stop:start])
    assert summary.read_text().startswith("of another tool\n## usersync: 1 cause\n")
    assert json.loads(Path("a.sarif").read_text())["version"] == "2.1.0"


def test_without_the_format_no_command_is_printed(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    assert "::" not in "\n".join(
        line for line in run(select=BROKEN).stdout.lines if line.startswith("::")
    )
    assert not (pytester.path / "summary.md").exists()


def test_a_token_is_never_the_same(run: Run) -> None:
    told = [run("--usersync-format=github").stdout.str() for _ in range(2)]
    tokens = {re.findall("::stop-commands::([0-9a-f]+)", one)[0] for one in told}
    assert len(tokens) == 2


def test_a_summary_that_leaves_no_room_stays_as_it_is(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = pytester.path / "summary.md"
    summary.write_text("x" * 1_048_500)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run("--usersync-format=github", select=BROKEN)
    assert summary.stat().st_size == 1_048_500


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--usersync-format=sariff"],
            "--usersync-format: sariff is no format. Did you mean sarif?",
        ),
        (["--usersync-format=junit"], "Use --junit-xml=PATH."),
        (["--usersync-report=a.txt"], "--usersync-report: no format has the ending .txt."),
        (["--usersync-report=a.xml"], "Use --junit-xml=PATH."),
        (["--usersync-format=sarif"], "--usersync-format gives sarif for no reports."),
        (
            ["--usersync-report=a.json", "--usersync-report=b.json", "--usersync-format=gitlab"],
            "--usersync-format gives gitlab for 2 reports.",
        ),
        (["--usersync-report=a.json", "--usersync-report=./a.json"], "a.json is given twice."),
        (["--usersync-report=a.json", "--usersync-report=no/b.json"], "Create it first."),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(
    refused: Callable[..., str], pytester: pytest.Pytester, options: list[str], said: str
) -> None:
    assert said in refused(*options)
    assert not (pytester.path / "a.json").exists()


def test_a_summary_that_cannot_be_written_is_refused(
    refused: Callable[..., str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "no" / "summary.md"))
    assert "GITHUB_STEP_SUMMARY: the folder " in refused("--usersync-format=github")


def test_xdists_controller_writes_everything_once(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    options = ("--usersync", "--usersync-select=US102", "-n2", "-p", "no:randomly")
    result = pytester.runpytest_subprocess(*options, "--usersync-format=github")
    assert result.stdout.str().count("::stop-commands::") == 1
    assert summary.read_text().count("## usersync: ") == 1
