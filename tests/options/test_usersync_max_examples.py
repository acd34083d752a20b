"""``--usersync-max-examples`` says how much a check draws that draws at random."""

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
    """A check that tells how much it would draw."""
    yield Finding(summary=f"told {context.subject.exploration}", sql="select 1", remedy="none")


@pytest.mark.parametrize(
    ("args", "drawn"),
    [((), "100"), (("--usersync-max-examples=0",), "0"), (("--usersync-max-examples=500",), "500")],
)
def test_so_many_are_drawn(
    run: Run, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], drawn: str
) -> None:
    register_only(monkeypatch, (explored,))
    run(*args, select="US931").stdout.fnmatch_lines([f"*examples={drawn})*"])


@pytest.mark.parametrize("value", ["many", "-1"])
def test_what_is_not_a_number_is_a_usage_error(refused: Callable[..., str], value: str) -> None:
    assert refused(f"--usersync-max-examples={value}") == (
        f"--usersync-max-examples: {value} is not a number. Give a whole number, 0 or more."
    )
