"""``--usersync-upto`` stops the chain of migrations at a version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def later(project: Path) -> None:
    """Write a later migration that does not apply."""
    (project.parent / "20260201000000_later.sql").write_text("select 1/0;")


def test_later_migrations_are_left_out(run: Run) -> None:
    run().stdout.fnmatch_lines(["usersync: 20260201000000_later.sql does not apply"])
    run("--usersync-upto=20260101000000").assert_outcomes(passed=1)


def test_the_ini_file_may_say_so_and_the_command_line_wins(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_upto = 20260101000000\n")
    run().assert_outcomes(passed=1)
    later = run("--usersync-upto=20260201000000")
    later.stdout.fnmatch_lines(["usersync: 20260201000000_later.sql does not apply"])


def test_a_version_that_does_not_exist_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert "20260101000000" in refused("--usersync-upto=20260101")
