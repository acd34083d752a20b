"""``--usersync-load`` names a function of the project that runs its migrations."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]

MODULE = """
from pathlib import Path

import psycopg


def migrate(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute(Path(__file__).with_name("made.sql").read_bytes())
"""


@pytest.fixture(autouse=True)
def module(project: Path, pytester: pytest.Pytester) -> Iterator[None]:
    """Move the project's migration to where only its own tool finds it."""
    project.rename(pytester.path / "made.sql")
    project.parent.rmdir()
    pytester.makepyfile(usersync_test_tool=MODULE)
    yield
    sys.modules.pop("usersync_test_tool", None)


def test_the_function_makes_what_is_judged(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--usersync-load=usersync_test_tool:migrate")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["usersync: 0 migrations, usersync_test_tool:migrate"])
    pytester.makefile(".ini", pytest="[pytest]\nusersync_load = usersync_test_tool:migrate\n")
    run().assert_outcomes(passed=1)


def test_what_it_raises_is_told(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "made.sql").write_text("select nope")
    result = run("--usersync-load=usersync_test_tool:migrate")
    result.stdout.fnmatch_lines(["usersync: usersync_test_tool.py does not apply"])


def test_what_is_no_function_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert "is not module:function" in refused("--usersync-load=migrate")
    missing = refused("--usersync-load=usersync_test_tool:missing")
    assert missing.startswith("usersync_load names usersync_test_tool:missing")
