"""Projects and checks that the tests of the options share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from registering import register_only

from pytest_usersync.model.finding import Finding, Level
from pytest_usersync.runner.check import Check, Needs, check
from pytest_usersync.runner.context import CheckContext

SYNC = """
create table public.profiles (id uuid primary key, email text);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""


@check("US901", level=Level.ERROR, needs=Needs.PROFILE)
def kept(context: CheckContext) -> Iterable[Finding]:
    """A promise that is kept."""
    context.query("select 1")
    return ()


@check("US902", level=Level.WARNING, needs=Needs.PROFILE)
def warned(context: CheckContext) -> Iterable[Finding]:
    """A promise of level warning that is broken."""
    yield Finding(summary="it broke", sql="select 'broken'", remedy="mend it")


@check("US911", level=Level.ERROR, needs=Needs.PROFILE)
def broken(context: CheckContext) -> Iterable[Finding]:
    """A promise that is broken."""
    context.execute("create table public.evidence ()")
    yield Finding(summary="it broke", sql="select 'broken'", remedy="mend it")


@check("US921", level=Level.ERROR, needs=Needs.PROFILE)
def stopped(context: CheckContext) -> Iterable[Finding]:
    """A check during which the user presses Ctrl-C."""
    context.query("select 1")
    raise KeyboardInterrupt


CHECKS: tuple[Check, ...] = (kept, warned, broken, stopped)


@pytest.fixture(autouse=True)
def quiet(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out a plugin that warns of an option it would like to have."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio")


@pytest.fixture
def project(write_project: Callable[[str], Path]) -> Path:
    """Write a project with a sound sync and return the path of its migration."""
    return write_project(SYNC)


@pytest.fixture
def run(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs pytest in the project, with four checks on the shelf.

    Only US901, which is kept, is selected until an option says something else.
    """
    register_only(monkeypatch, CHECKS)
    monkeypatch.delenv("USERSYNC_DSN", raising=False)
    monkeypatch.delenv("USERSYNC_PG_BIN", raising=False)

    def run(*args: str, select: str = "US901") -> pytest.RunResult:
        chosen = [f"--usersync-select={select}"] if select else []
        call = pytester.runpytest_inprocess
        return call("--usersync", "-p", "no:randomly", *chosen, *args, no_reraise_ctrlc=True)

    return run


@pytest.fixture
def refused(run: Callable[..., pytest.RunResult]) -> Callable[..., str]:
    """Return a function that runs pytest and returns its one line about a wrong option."""

    def refused(*args: str, select: str = "") -> str:
        result = run(*args, select=select)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        lines = [line for line in result.errlines if line.strip()]
        assert len(lines) == 1
        assert lines[0].startswith("ERROR: ")
        return lines[0].removeprefix("ERROR: ")

    return refused
