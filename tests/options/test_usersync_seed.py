"""``--usersync-seed`` says where a check begins that draws at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from registering import register_only

from pytest_usersync.model.finding import Finding, Level
from pytest_usersync.runner.check import Needs, check
from pytest_usersync.runner.context import CheckContext

Run = Callable[..., pytest.RunResult]


@check("US931", level=Level.ERROR, needs=Needs.PROFILE)
def explored(context: CheckContext) -> Iterable[Finding]:
    """A check that tells where it would begin, and how much it would draw."""
    yield Finding(summary=f"told {context.subject.exploration}", sql="select 1", remedy="none")


@pytest.fixture
def told(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs pytest and returns what a check is told."""
    register_only(monkeypatch, (explored,))

    def told(*args: str) -> str:
        text = run(*args, select="US931").stdout.str()
        return text.partition("Exploration(")[2].partition(")")[0]

    return told


def test_without_it_every_run_begins_at_the_same_place(told: Callable[..., str]) -> None:
    assert told().startswith("seed=0, ")


def test_the_ini_file_may_say_so_and_the_command_line_wins(
    told: Callable[..., str], pytester: pytest.Pytester
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_seed = 7\n")
    assert told().startswith("seed=7, ")
    assert told("--usersync-seed=8").startswith("seed=8, ")


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "", "1" * 19])
def test_what_is_not_a_number_is_a_usage_error(refused: Callable[..., str], value: str) -> None:
    assert "--usersync-seed" in refused(f"--usersync-seed={value}")
