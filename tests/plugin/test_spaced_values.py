"""A value after a space is the option's: it names no test, and moves neither root nor ini file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_usersync.config.options import OPTIONS, Option

# Every option that takes a value: each value may be the name of something that exists.
VALUED = [option for option in OPTIONS if option.kind != "flag"]

CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--of-conftest", action="store_true")
    parser.addini("of_conftest", "known in this project only")
"""


class Seen(NamedTuple):
    """What a run understood of its command line."""

    root: Path
    ini: Path | None
    tests: tuple[Path, ...]
    values: dict[str, tuple[str, ...]]


class Spy:
    """Ends a run when its command line has been read."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, int, int]:
        """Note what was understood, before any option is answered."""
        given = {one.flag: config.getoption(one.key) for one in VALUED}
        self.seen.append(
            Seen(
                config.rootpath,
                config.inipath,
                tuple(Path(config.invocation_params.dir, one).resolve() for one in config.args),
                {
                    flag: tuple(value) if isinstance(value, list) else (value,)
                    for flag, value in given.items()
                    if value is not None
                },
            )
        )
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """End the run."""
        raise pytest.UsageError("seen")


def understood(*args: str, env: Sequence[str] = ()) -> Seen:
    """Return what pytest makes of a command line."""
    spy = Spy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", shlex.join(["-p", "no:randomly", *env]))
        assert pytest.main([*args], plugins=[spy]) == pytest.ExitCode.USAGE_ERROR
    return spy.seen[-1]


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """Write a project with tests and an ini file of its own, and stand in it."""
    home = pytester.path / "project"
    (home / "tests").mkdir(parents=True)
    (home / "tests" / "test_it.py").write_text("def test_it(): pass\n")
    (home / "pytest.ini").write_text("[pytest]\ntestpaths = tests\nof_conftest = yes\n")
    (home / "conftest.py").write_text(CONFTEST)
    os.chdir(home)
    return home


@pytest.fixture
def other(project: Path) -> Path:
    """Write another project, whose options and conftest would end the run of this one."""
    other = project.parent / "other" / "deep"
    other.mkdir(parents=True)
    (other / "pytest.ini").write_text("[pytest]\naddopts = --unknown-there\n")
    (other / "conftest.py").write_text("raise ZeroDivisionError\n")
    (other / "file").touch()
    return other


@pytest.fixture(params=["another project", "a file of it", "a folder of tests"])
def value(request: pytest.FixtureRequest, other: Path) -> str:
    """Return a path that exists."""
    return {
        "another project": str(other),
        "a file of it": os.path.relpath(other / "file"),
        "a folder of tests": "tests",
    }[request.param]


@pytest.fixture
def spaced(value: str) -> list[str]:
    """Return every option with that path after a space."""
    return [word for option in VALUED for word in (option.flag, value)]


@pytest.fixture
def every(value: str) -> dict[str, tuple[str, ...]]:
    """Return what each option is to hold."""
    return {option.flag: (value,) for option in VALUED}


@pytest.mark.parametrize("option", VALUED, ids=lambda option: option.name)
def test_each_option_alone(option: Option, project: Path, other: Path) -> None:
    seen = understood("tests/test_it.py", option.flag, str(other), "--of-conftest")
    assert seen == Seen(
        project,
        project / "pytest.ini",
        (project / "tests" / "test_it.py",),
        {option.flag: (str(other),)},
    )


def test_in_every_place(
    project: Path, spaced: list[str], every: dict[str, tuple[str, ...]]
) -> None:
    expected = Seen(project, project / "pytest.ini", (project / "tests",), every)
    assert understood(*spaced, "--of-conftest") == expected
    assert understood("--of-conftest", *spaced) == expected
    assert understood("tests", *spaced) == expected
    assert understood(env=spaced) == expected
    Path("arguments.txt").write_text("\n".join(spaced), encoding="utf-8")
    assert understood("@arguments.txt") == expected
    with Path("pytest.ini").open("a", encoding="utf-8") as ini:
        ini.write(f"addopts = {shlex.join(spaced)}\n")
    assert understood() == expected


def test_with_an_ini_file_or_a_root_of_ones_own(
    project: Path, spaced: list[str], every: dict[str, tuple[str, ...]]
) -> None:
    Path("own.ini").write_text("[pytest]\ntestpaths = tests\nof_conftest = yes\n")
    own = Seen(project, project / "own.ini", (project / "tests",), every)
    assert understood("-c", "own.ini", *spaced) == own
    assert understood(*spaced, "-c", "own.ini") == own
    rooted = Seen(project.parent, project / "pytest.ini", (project,), every)
    assert understood("--rootdir", "..", ".", *spaced) == rooted
    assert understood(*spaced, ".", "--rootdir", "..") == rooted


def test_a_run_is_as_any_other_also_in_workers(
    project: Path, other: Path, pytester: pytest.Pytester
) -> None:
    told = f"assert str(pytestconfig.rootpath) == {str(project)!r}"
    Path("tests/test_root.py").write_text(f"def test_root(pytestconfig): {told}\n")
    spaced = ["--usersync-verify", str(other / "file")]
    result = pytester.runpytest_subprocess(
        "-Werror", "-pno:asyncio", "-pno:randomly", "-n2", "tests", *spaced
    )
    result.assert_outcomes(passed=2)
    assert result.stderr.str() == ""
