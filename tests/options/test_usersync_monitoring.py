"""``--usersync-monitoring`` says which functions monitor the sync."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from registering import register_only

from pytest_usersync.model.finding import Finding, Level
from pytest_usersync.probes.maintenance import capabilities
from pytest_usersync.runner.check import Needs, check
from pytest_usersync.runner.context import CheckContext

Run = Callable[..., pytest.RunResult]


@check("US931", level=Level.ERROR, needs=Needs.PROFILE)
def monitored(context: CheckContext) -> Iterable[Finding]:
    """A check that tells what lists ghosts and where the log is."""
    found = capabilities.monitoring(context)
    summary = f"told {found.ghosts or '-'} {found.log or '-'}"
    yield Finding(summary=summary, sql="select 1", remedy="none")


@pytest.fixture
def told(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs pytest and returns what a check is told."""
    register_only(monkeypatch, (monitored,))
    return lambda *args: run(*args, "-rs", select="US931").stdout.str()


@pytest.fixture
def in_two_schemas(pytester: pytest.Pytester) -> None:
    """Add two monitorings to the project."""
    text = "".join(
        f"create schema if not exists {schema};"
        f"create function {schema}.check_ghost_users() returns table (id uuid) language sql"
        " as 'select null::uuid where false';"
        for schema in ("public", "ops")
    )
    folder = pytester.path / "supabase" / "migrations"
    (folder / "20991231000000_monitoring.sql").write_text(text, encoding="utf-8")


def test_without_it_the_usual_names_are_looked_for(
    told: Callable[..., str], in_two_schemas: None
) -> None:
    assert "told public.check_ghost_users() -" in told()


def test_a_project_without_any_is_told_so(told: Callable[..., str]) -> None:
    assert "the project has no monitoring function" in told()


def test_it_is_a_schema(told: Callable[..., str], in_two_schemas: None) -> None:
    assert "told ops.check_ghost_users() -" in told("--usersync-monitoring=ops")


def test_a_schema_without_any_is_said_in_one_line(
    told: Callable[..., str], in_two_schemas: None
) -> None:
    said = "usersync_monitoring: the schema nowhere has no monitoring function"
    assert said in " ".join(told("--usersync-monitoring=nowhere").split())


def test_it_is_lines_in_the_ini_file(told: Callable[..., str], pytester: pytest.Pytester) -> None:
    lines = "usersync_monitoring =\n    ghosts = app.find_ghosts\n    log = app.sync_log\n"
    pytester.makefile(".ini", pytest=f"[pytest]\n{lines}")
    assert "there is no table app.sync_log" in told()
    folder = pytester.path / "supabase" / "migrations"
    (folder / "20991231000000_log.sql").write_text(
        "create schema app; create table app.sync_log (at timestamptz);", encoding="utf-8"
    )
    assert "told app.find_ghosts() app.sync_log" in told()


@pytest.mark.parametrize("value", ["ghost = app.find()", "ghosts = ", "ghosts = a.b; drop", "a b"])
def test_what_names_nothing_is_a_usage_error(refused: Callable[..., str], value: str) -> None:
    line = refused(f"--usersync-monitoring={value}")
    assert line.startswith(f"--usersync-monitoring: {value.strip()} names no monitoring function.")
