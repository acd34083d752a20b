"""A value that cannot be meant is one line and exit code 4, and leaves every file as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.config.options import OPTIONS, Option

VALUED = [option for option in OPTIONS if option.kind != "flag"]
# What no option can mean.
NEVER = ("", " ", "a\0b", "caf\udce9")
# A folder without SQL, and a file without any.
FOLDER, FILE = "empty", "file.txt"
MISSING = "none/such"
UNWRITABLE = "/proc/file"
# Of each option: what is of the wrong kind, is not there, cannot be written, or is unknown.
BAD = {
    "dsn": (FOLDER, "host=/nonexistent", "postgresql://127.0.0.1:1/x", "host=1 nonsense"),
    "pg-bin": (FOLDER, FILE, MISSING),
    "migrations": (FOLDER, MISSING),
    "upto": ("none", "19990101000000"),
    "before": (MISSING, FOLDER, "no_such_module:f", "os:no_such_function"),
    "setup": (MISSING, FOLDER, "no_such_module:f", "os:no_such_function"),
    "load": ("nothing", "no_such_module:f", "os:no_such_function"),
    "statement-timeout": ("soon", "0", "-1", "1e9"),
    "select": ("US1O4", "x", ","),
    "ignore": ("US1O4", "x", ","),
    "seed": ("one", "-1", "1.5"),
    "max-examples": ("one", "-1", "1.5"),
    "backfill": ("nothing", "none.sql"),
    "monitoring": ("ghosts =",),
    "verify": (FOLDER, MISSING),
    "rollback": (FOLDER, MISSING),
    "baseline": (FOLDER, MISSING, FILE),
    "report": (FOLDER, MISSING, "report.txt", "/proc/file.json"),
    "format": ("word", ","),
    "explain": ("US1O4", "x", ","),
    "write-pack": (FILE, f"{FILE}/pack"),
}
REPEATABLE = [option for option in VALUED if option.kind in {"paths", "words"}]

Refused = Callable[..., None]


@pytest.fixture
def refused(run: Callable[..., pytest.RunResult]) -> Refused:
    """Return a function that runs pytest, and sees that it refuses in one line."""
    Path(FOLDER).mkdir()
    Path(FILE).write_text("not TOML, not SQL", encoding="utf-8")

    def refused(*args: str) -> None:
        before = tree()
        result = run(*args, select="")
        said = f"{args}: {result.outlines} {result.errlines}"
        assert result.ret == pytest.ExitCode.USAGE_ERROR, said
        lines = [line for line in result.errlines if line.strip()]
        assert len(lines) == 1, said
        assert lines[0].startswith("ERROR: "), said
        assert lines[0].isprintable(), said
        assert tree() == before, said

    return refused


def tree() -> dict[str, bytes]:
    """Return the files here, with what they hold."""
    paths = [Path(folder, name) for folder, _, names in os.walk(".") for name in names]
    return {
        str(path): path.read_bytes()
        for path in paths
        if "__pycache__" not in path.parts and ".pytest_cache" not in path.parts
    }


def test_no_option_is_forgotten() -> None:
    assert set(BAD) == {option.name for option in VALUED}


@pytest.mark.parametrize("option", VALUED, ids=lambda option: option.name)
def test_on_the_command_line(refused: Refused, option: Option) -> None:
    # A file that is to be written may have any name.
    never = NEVER[:-1] if option.name in {"report", "write-pack"} else NEVER
    for value in (*never, *BAD[option.name]):
        refused(f"{option.flag}={value}")


@pytest.mark.parametrize("option", [one for one in VALUED if one.ini], ids=lambda one: one.name)
def test_in_the_ini_file(refused: Refused, option: Option) -> None:
    for value in ("a\0b", *BAD[option.name]):
        Path("pytest.ini").write_text(f"[pytest]\n{option.key} = {value}\n", encoding="utf-8")
        refused()


@pytest.mark.parametrize("option", [one for one in VALUED if one.env], ids=lambda one: one.name)
def test_in_the_environment(
    refused: Refused, option: Option, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("caf\udce9", *BAD[option.name]):
        monkeypatch.setenv(option.env, value)
        refused()


@pytest.mark.parametrize("option", VALUED, ids=lambda option: option.name)
def test_given_twice(refused: Refused, option: Option) -> None:
    if option not in REPEATABLE:
        refused(f"{option.flag}=1", option.flag, "2")


def test_a_baseline_that_is_to_be_written(refused: Refused) -> None:
    for value in (FOLDER, MISSING, FILE, UNWRITABLE):
        refused("--usersync-baseline-update", f"--usersync-baseline={value}")
    refused("--usersync-baseline-update")


def test_what_is_given_in_addopts_may_be_given_otherwise(
    run: Callable[..., pytest.RunResult],
) -> None:
    Path("pytest.ini").write_text("[pytest]\naddopts = --usersync-seed=1\n", encoding="utf-8")
    assert run("--usersync-seed=2", "--usersync-seed", "2", "--collect-only").ret == 0
