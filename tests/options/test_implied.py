"""What implies ``--usersync``: a typed option that only a run of checks can mean, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.config.options import OPTIONS, Option

VALUES = {
    "select": "US901",
    "ignore": "US902",
    "baseline": "accepted.toml",
    "report": "report.json",
    "format": "github",
}
# Each with what else it cannot do without.
WITH = {"baseline-update": ["--usersync-baseline=accepted.toml"]}
IMPLYING = [option for option in OPTIONS if option.judges and option.name]
INI = [option for option in OPTIONS if option.ini]
COMMANDS = ("list", "show", "walk", "doctor", "explain", "write-pack")
OTHERS = [option for option in OPTIONS if not option.judges and option.name not in COMMANDS]


@pytest.fixture
def collected(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> Callable[..., list[str]]:
    """Return a function that collects without ``--usersync`` and returns the node ids, sorted."""
    pytester.makepyfile(test_mine="def test_mine(): pass")
    Path("accepted.toml").touch()

    def collected(*args: str) -> list[str]:
        result = pytester.runpytest_inprocess("--collect-only", "-q", *args)
        assert result.ret == pytest.ExitCode.OK
        return sorted(line for line in result.outlines if "::" in line)

    return collected


def spelt(option: Option) -> str:
    """Return the option as typed."""
    return option.flag if option.kind == "flag" else f"{option.flag}={VALUES[option.name]}"


def named(option: Option) -> str:
    return option.name


@pytest.mark.parametrize("option", IMPLYING, ids=named)
def test_typed_it_is_a_run_of_checks(collected: Callable[..., list[str]], option: Option) -> None:
    chosen = collected(spelt(option), *WITH.get(option.name, []))
    assert "pytest.ini::US901" in chosen
    assert "test_mine.py::test_mine" in chosen


def test_in_addopts_it_says_how_to_judge_and_not_that_every_run_does(
    collected: Callable[..., list[str]],
) -> None:
    words = " ".join(spelt(option) for option in IMPLYING)
    Path("pytest.ini").write_text(f"[pytest]\naddopts = {words}\n", encoding="utf-8")
    assert collected() == ["test_mine.py::test_mine"]
    assert collected("--usersync") == ["pytest.ini::US901", "test_mine.py::test_mine"]


def test_no_ini_value_implies_it(collected: Callable[..., list[str]]) -> None:
    lines = "\n".join(f"{option.key} = 1" for option in INI)
    Path("pytest.ini").write_text(f"[pytest]\n{lines}\n", encoding="utf-8")
    assert collected() == ["test_mine.py::test_mine"]


def test_what_fixtures_use_does_not_imply_it(collected: Callable[..., list[str]]) -> None:
    words = [one.flag if one.kind == "flag" else f"{one.flag}=1" for one in OTHERS]
    assert collected(*words) == ["test_mine.py::test_mine"]


def test_named_tests_run_alone_where_it_stands_in_addopts(
    run: Callable[..., pytest.RunResult],
    collected: Callable[..., list[str]],
    pytester: pytest.Pytester,
) -> None:
    Path("pytest.ini").write_text(
        "[pytest]\naddopts = --usersync --usersync-select=US901\n", encoding="utf-8"
    )
    mine, check = "test_mine.py::test_mine", "pytest.ini::US901"
    assert collected() == [check, mine]
    assert collected(mine) == [mine]
    assert collected("test_mine.py") == [mine]
    assert collected(check) == [check]
    assert collected(mine, check) == [check, mine]
    assert collected("--usersync", mine) == [check, mine]
    assert collected("--usersync-strict", mine) == [check, mine]


def test_a_run_of_named_tests_needs_no_server(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_mine="def test_mine(): pass")
    Path("pytest.ini").write_text("[pytest]\naddopts = --usersync\n", encoding="utf-8")
    nowhere = "--usersync-dsn=host=/nonexistent"
    for more in ([], ["-n1"]):
        result = pytester.runpytest_subprocess("test_mine.py", nowhere, *more)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("usersync: *")
