"""``--usersync-migrations`` and its ini value say which migrations are applied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, project: Path) -> Path:
    folder = pytester.mkdir("db")
    return project.rename(folder / "1_moved.sql")


def test_a_folder_is_taken_from_where_the_command_is_typed(
    run: Run, elsewhere: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(elsewhere.parent)
    result = run("--usersync-migrations=.", f"--rootdir={pytester.path}", "..")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["usersync: 1 migration, ."])


def test_a_path_in_the_ini_file_is_taken_from_there(
    run: Run, elsewhere: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_migrations = db/1_moved.sql\n")
    monkeypatch.chdir(pytester.mkdir("below"))
    run().stdout.fnmatch_lines(["usersync: 1 migration, ../db/1_moved.sql"])


def test_several_paths_are_applied_in_their_order(
    run: Run, elsewhere: Path, pytester: pytest.Pytester
) -> None:
    (pytester.path / "0_after.sql").write_text("alter table public.profiles add column x int;")
    result = run("--usersync-migrations=db", "--usersync-migrations=0_after.sql")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["usersync: 2 migrations, db, 0_after.sql"])


def test_what_is_typed_wins_over_the_ini_file(
    run: Run, elsewhere: Path, pytester: pytest.Pytester
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_migrations = nowhere\n")
    run("--usersync-migrations=db").stdout.fnmatch_lines(["usersync: 1 migration, db"])


def test_a_path_that_does_not_exist_is_a_usage_error(
    refused: Callable[..., str], pytester: pytest.Pytester
) -> None:
    typed = refused("--usersync-migrations=nowhere")
    assert typed.startswith(f"--usersync-migrations: {pytester.path / 'nowhere'} does not exist.")
    pytester.makefile(".ini", pytest="[pytest]\nusersync_migrations = nowhere\n")
    assert refused().startswith("usersync_migrations: ")
