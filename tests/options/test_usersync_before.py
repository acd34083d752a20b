"""``--usersync-before`` names SQL files for what was made by hand before the first migration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def by_hand(project: Path, pytester: pytest.Pytester) -> None:
    """Let the migrations wait for a table that somebody made in the dashboard."""
    table = "create table public.profiles (id uuid primary key, email text);"
    text = project.read_text()
    assert table in text
    project.write_text(text.replace(table, "alter table public.profiles add column seen boolean;"))
    (pytester.path / "hand.sql").write_text(table)


def test_what_is_missing_is_told_until_it_is_supplied(run: Run) -> None:
    without = run("--usersync-strict")
    without.stdout.fnmatch_lines(["usersync: 20260101000000_profiles.sql does not apply"])
    result = run("--usersync-before=hand.sql")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["usersync: also hand.sql"])


def test_the_ini_file_may_say_so(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_before = hand.sql\n")
    run().assert_outcomes(passed=1)


def test_a_file_that_does_not_exist_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert refused("--usersync-before=nowhere.sql").startswith("--usersync-before: ")
