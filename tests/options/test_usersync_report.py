"""``--usersync-report`` writes what was found as JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]


def report(pytester: pytest.Pytester, name: str = "report.json") -> dict[str, Any]:
    data: dict[str, Any] = json.loads((pytester.path / name).read_text(encoding="utf-8"))
    return data


def files(pytester: pytest.Pytester) -> list[str]:
    names = sorted(path.name for path in pytester.path.iterdir())
    return [name for name in names if name != "__pycache__"]


def test_the_report_says_what_was_judged_and_on_what(run: Run, pytester: pytest.Pytester) -> None:
    run("--usersync-report=report.json", select="US901,US911")
    data = report(pytester)
    assert data["version"] == 2
    assert data["server"]["version"] >= 140000
    assert data["project"]["migrations"] == ["supabase/migrations/20260101000000_profiles.sql"]
    assert data["sync"]["targets"][0]["table"] == {"schema": "public", "name": "profiles"}
    assert data["policies"]["null_email"] == "profile"
    assert [(row["code"], row["outcome"]) for row in data["checks"]] == [
        ("US901", "kept"),
        ("US911", "broken"),
    ]
    assert data["checks"][1]["findings"][0]["remedy"]["text"] == "mend it"
    assert data["not_run"] == []


def test_an_interrupted_run_reports_what_it_knows(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--usersync-report=report.json", select="US901,US921")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    data = report(pytester)
    assert [row["code"] for row in data["checks"]] == ["US901"]
    assert data["not_run"] == ["US921"]


def test_a_run_that_stops_at_the_first_failure_reports_too(
    run: Run, pytester: pytest.Pytester
) -> None:
    run("--usersync-report=report.json", "-x", "-p", "no:randomly", select="US911,US921")
    assert report(pytester)["not_run"] == ["US921"]


def test_a_missing_folder_is_a_usage_error(refused: Callable[..., str]) -> None:
    said = refused("--usersync-report=nowhere/report.json")
    assert "nowhere does not exist. Create it first." in said


def test_a_folder_is_no_file(refused: Callable[..., str]) -> None:
    assert "is a folder. Give the name of a file." in refused("--usersync-report=supabase")


def test_collecting_alone_writes_none(run: Run, pytester: pytest.Pytester) -> None:
    run("--usersync-report=report.json", "--collect-only")
    assert not Path(pytester.path / "report.json").exists()


FULL = """
import resource

import pytest

limits = resource.getrlimit(resource.RLIMIT_FSIZE)

@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish():
    # What a full disk is to whoever writes a file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
"""


@pytest.mark.parametrize(
    "options",
    [["--usersync-report=file"], ["--usersync-baseline=file", "--usersync-baseline-update"]],
    ids=["report", "baseline"],
)
def test_a_file_that_cannot_be_written_fails_the_run_in_one_line_and_stays(
    run: Run, pytester: pytest.Pytester, options: list[str]
) -> None:
    pytester.makeconftest(FULL)
    (pytester.path / "file").write_text("# old")
    before = files(pytester)
    result = run(*options, "-p", "no:cacheprovider", select="US901,US911")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["2 checks: *", "ERROR: *file cannot be written: *"])
    result.stdout.no_fnmatch_line("*Wrote *")
    assert "INTERNALERROR" not in result.stdout.str()
    assert (pytester.path / "file").read_text() == "# old"
    assert files(pytester) == before


def test_a_project_in_a_folder_whose_name_is_no_text_is_judged_and_reported(
    project: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    supabase = project.parents[1]
    (supabase.parent / ".git").mkdir()
    folder = supabase.parent / os.fsdecode(b"\xff")
    shutil.copytree(supabase, folder / "supabase")
    (folder / "pytest.ini").write_text("[pytest]")
    options = ("--usersync", "--usersync-select=US102", "--usersync-report=report.json")
    call = [sys.executable, "-m", "pytest", "-p", "no:asyncio", "--rootdir=.", *options]
    done = subprocess.run(call, cwd=folder, check=False, capture_output=True)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert data["project"]["root"] == "\\udcff"
