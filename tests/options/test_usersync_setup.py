"""``--usersync-setup`` names SQL files for what was made by hand after the last migration."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def by_hand(pytester: pytest.Pytester) -> None:
    (pytester.path / "hand.sql").write_text("drop trigger make_profile on auth.users;")


def test_what_was_done_by_hand_is_judged(run: Run, pytester: pytest.Pytester) -> None:
    run("--usersync-setup=hand.sql").stdout.fnmatch_lines(["usersync: no trigger on auth.users"])
    pytester.makefile(".ini", pytest="[pytest]\nusersync_setup = hand.sql\n")
    run().stdout.fnmatch_lines(["usersync: no trigger on auth.users"])


def test_a_file_that_does_not_exist_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert refused("--usersync-setup=nowhere.sql").startswith("--usersync-setup: ")
