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


def test_a_function_of_the_project_can_do_it(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        usersync_test_hand="""
        import psycopg

        def undo(dsn):
            with psycopg.connect(dsn) as connection:
                connection.execute("drop trigger make_profile on auth.users")
        """
    )
    result = run("--usersync-setup=usersync_test_hand:undo")
    result.stdout.fnmatch_lines(
        ["usersync: also usersync_test_hand:undo", "usersync: no trigger on auth.users"]
    )


def test_what_the_function_raises_is_told(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(usersync_test_wrong="def undo(dsn):\n    raise ValueError('no way')\n")
    result = run("--usersync-setup=usersync_test_wrong:undo")
    result.stdout.fnmatch_lines(["usersync: usersync_test_wrong.py does not apply"])


def test_a_function_that_is_not_there_is_a_usage_error(refused: Callable[..., str]) -> None:
    told = refused("--usersync-setup=usersync_nowhere:undo")
    assert told.startswith("usersync_before or usersync_setup names usersync_nowhere:undo")
