"""``--usersync-backfill`` says what fills ghosts."""

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
FILL = "insert into public.profiles select id, email from auth.users on conflict do nothing"


@check("US931", level=Level.ERROR, needs=Needs.PROFILE)
def filled(context: CheckContext) -> Iterable[Finding]:
    """A check that tells what fills ghosts."""
    routine = capabilities.backfill(context)
    yield Finding(summary=f"told {routine.origin}", sql="select 1", remedy="none")


@pytest.fixture
def told(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs pytest and returns what a check is told."""
    register_only(monkeypatch, (filled,))
    return lambda *args: run(*args, "-rs", select="US931").stdout.str()


def test_without_it_the_project_is_looked_at(told: Callable[..., str]) -> None:
    assert "the project has no backfill" in told()


def test_it_is_sql_on_the_command_line(told: Callable[..., str]) -> None:
    assert f"told {FILL}" in told(f"--usersync-backfill={FILL}")


def test_it_is_a_file_in_the_ini_file(told: Callable[..., str], pytester: pytest.Pytester) -> None:
    (pytester.path / "ops").mkdir()
    (pytester.path / "ops" / "fill.sql").write_text(f"{FILL};", encoding="utf-8")
    pytester.makefile(".ini", pytest="[pytest]\nusersync_backfill = ops/fill.sql\n")
    assert "told ops/fill.sql" in told()


def test_what_cannot_be_run_is_said_in_one_line(told: Callable[..., str]) -> None:
    said = "usersync_backfill: call app.backfil() fails: 3F000 schema"
    assert said in told("--usersync-backfill=call app.backfil()")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("app.backfill", "not SQL that runs a backfill"),
        ("nowhere.sql", "is not a file"),
        ("", "is empty"),
    ],
)
def test_what_is_neither_is_a_usage_error(
    refused: Callable[..., str], project: Path, value: str, said: str
) -> None:
    line = refused(f"--usersync-backfill={value}")
    assert line.startswith("--usersync-backfill")
    assert said in line
