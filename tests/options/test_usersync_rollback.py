"""``--usersync-rollback`` names the script that takes the sync out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from registering import register_only

from pytest_usersync.model.finding import Finding, Level
from pytest_usersync.probes.maintenance import capabilities
from pytest_usersync.runner.check import Needs, check
from pytest_usersync.runner.context import CheckContext

Run = Callable[..., pytest.RunResult]


@check("US931", level=Level.ERROR, needs=Needs.PROFILE)
def scripted(context: CheckContext) -> Iterable[Finding]:
    """A check that tells which script there is, and of how many statements."""
    script = capabilities.rollback(context)
    summary = f"told {script.shown} {len(script.statements)}"
    yield Finding(summary=summary, sql="select 1", remedy="none")


@pytest.fixture
def told(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs pytest and returns what a check is told."""
    register_only(monkeypatch, (scripted,))
    return lambda *args: run(*args, "-rs", select="US931").stdout.str()


@pytest.fixture
def script(pytester: pytest.Pytester) -> Path:
    """Write a script where nobody would look for it."""
    path = pytester.path / "ours.sql"
    path.write_text("\\set ON_ERROR_STOP on\nselect 1;\nselect 2;\n", encoding="utf-8")
    return path


def test_without_it_a_project_may_have_none(told: Callable[..., str]) -> None:
    assert "the project has no rollback script" in told()


def test_without_it_one_of_the_usual_name_is_found(
    told: Callable[..., str], script: Path, pytester: pytest.Pytester
) -> None:
    (pytester.path / "supabase" / "scripts").mkdir()
    script.rename(pytester.path / "supabase" / "scripts" / "rollback.sql")
    assert "told supabase/scripts/rollback.sql 2" in told()


def test_the_ini_file_may_name_it_and_the_command_line_wins(
    told: Callable[..., str], script: Path, pytester: pytest.Pytester
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_rollback = ours.sql\n")
    assert "told ours.sql 2" in told()
    (pytester.path / "other.sql").write_text("select 1;", encoding="utf-8")
    assert "told other.sql 1" in told("--usersync-rollback=other.sql")


def test_what_only_psql_can_do_is_said_in_one_line(told: Callable[..., str], script: Path) -> None:
    script.write_text("select 1;\n\\i more.sql\n", encoding="utf-8")
    assert "ours.sql:2 uses \\i, which only psql can run" in told("--usersync-rollback=ours.sql")


def test_what_is_not_there_is_a_usage_error(refused: Callable[..., str]) -> None:
    line = refused("--usersync-rollback=nowhere.sql")
    assert line.startswith("--usersync-rollback: ")
    assert line.endswith("nowhere.sql is not a file. Give a .sql file.")
