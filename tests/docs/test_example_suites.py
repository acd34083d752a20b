"""The suites among the examples pass, in any order and side by side, and fail when they should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from matrix import few

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(folder: Path, *options: str) -> tuple[dict[str, int], str]:
    """Run a suite in a process of its own; return how many tests ended how, and the output."""
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    text = ran.stdout + ran.stderr
    *_, last = ran.stdout.strip().splitlines() or [text]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
    assert ran.returncode in (0, 1), text
    return counts, text


@pytest.fixture(params=["app_suite", "pytest_postgresql_suite"])
def suite(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of one of the suites, for what runs leave behind."""
    return copied(request.param, tmp_path)


def copied(name: str, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored))


@pytest.mark.parametrize(
    "options",
    few(["-p no:randomly", "-p no:xdist", "-n 2"], ["-n 2"]),
    ids=["ordered", "random", "parallel"],
)
def test_an_example_suite_passes(suite: Path, options: str) -> None:
    counts, text = run(suite, *options.split())
    wanted = {"app_suite": 12, "pytest_postgresql_suite": 6}[suite.name]
    assert counts.pop("passed") == wanted, text
    assert not {"failed", "errors", "error"} & counts.keys(), text


@pytest.mark.matrix
def test_what_failed_runs_again_and_passes_once_it_is_mended(tmp_path: Path) -> None:
    suite = copied("app_suite", tmp_path)
    migration = suite / "supabase" / "migrations" / "20260302000000_notes.sql"
    sound = migration.read_text(encoding="utf-8")
    migration.write_text(sound.replace("(select auth.uid()) = owner", "true"), encoding="utf-8")
    counts, text = run(suite, "tests/test_notes.py")
    assert (counts["failed"], counts["passed"]) == (2, 7), text
    counts, text = run(suite, "--lf", "tests/test_notes.py")
    assert counts["failed"] == 2, text
    assert "passed" not in counts
    migration.write_text(sound, encoding="utf-8")
    counts, text = run(suite, "--lf", "tests/test_notes.py")
    assert counts["passed"] == 2, text
    assert "failed" not in counts


@pytest.mark.matrix
def test_the_life_of_the_apps_users_shows_who_loses_a_note(tmp_path: Path) -> None:
    suite = copied("app_suite", tmp_path)
    migration = suite / "supabase" / "migrations" / "20260302000000_notes.sql"
    forgetful = """
        create rule one_note as on insert to public.notes
        where exists (select from public.notes) do instead nothing;
    """
    migration.write_text(migration.read_text(encoding="utf-8") + forgetful, encoding="utf-8")
    life = suite / "tests" / "test_life.py"
    text = life.read_text(encoding="utf-8")
    assert "stateful_step_count=15)" in text
    # Shrinking is Hypothesis's own business, and takes a minute here.
    unshrunk = "stateful_step_count=15, phases=[Phase.generate])"
    text = text.replace("stateful_step_count=15)", unshrunk)
    life.write_text(text.replace("import settings", "import Phase, settings"), encoding="utf-8")
    counts, text = run(suite, "tests/test_life.py")
    assert counts == {"failed": 1}, text
    assert "state.writes(user=users_" in text


def test_the_app_of_the_example_keeps_the_promises(tmp_path: Path) -> None:
    suite = copied("app_suite", tmp_path)
    counts, text = run(suite, "--usersync", "supabase")
    assert counts["passed"], text
    assert not {"failed", "errors", "error"} & counts.keys(), text


def test_the_bridge_of_the_example_is_two_lines() -> None:
    text = (EXAMPLES / "pytest_postgresql_suite" / "tests" / "conftest.py").read_text("utf-8")
    lines = [line.partition("  #")[0] for line in text.splitlines() if line]
    readme = (EXAMPLES / "pytest_postgresql_suite" / "README.md").read_text("utf-8")
    assert len(lines) == 3
    assert all(line in readme for line in lines)
