"""A server that is lost is told once, and the crash of one session is got over."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from acts import sound, staged
from matrix import few

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Outcome
from pytest_usersync.platform import platform
from pytest_usersync.postgres import RunningServer, ServerRequest, database, server_lost, start
from pytest_usersync.runner.sandbox_pool import SandboxPool

# Kills the server of a run when a test of this name is over.
KILLER = """
    import os, signal
    from pathlib import Path
    from psycopg.conninfo import conninfo_to_dict
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(item):
        yield
        if item.name == "US103[email]":
            from pytest_usersync.plugin.items import SUBJECT
            words = conninfo_to_dict(item.config.stash[SUBJECT].server.conninfo)
            text = Path(words["host"]).parent.joinpath("data", "postmaster.pid").read_text()
            os.kill(int(text.split()[0]), signal.SIGKILL)
"""


@pytest.fixture
def own(wanted: ServerRequest) -> Iterator[RunningServer]:
    """Return a server that a test may break."""
    with start(wanted, platform.seed()) as running:
        yield running


@pytest.mark.parametrize(
    "options", few([[], ["-v", "--tb=long"], ["-q", "-n", "2"]], [[]]), ids=" ".join
)
def test_a_lost_server_is_told_once_and_ends_the_run(
    write_project: Callable[[str], Path], pytester: pytest.Pytester, options: list[str]
) -> None:
    write_project(sound("plain").migrations()["00000000000001_base.sql"])
    pytester.makeconftest(KILLER)
    result = pytester.runpytest_subprocess(
        "--usersync", "--usersync-select=US1,US2", "--usersync-report=report.json", *options
    )
    shown = result.stdout.str() + result.stderr.str()
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "The server was lost while US1" in shown
    assert "Its log ends: " in shown
    assert " not run\n" in shown
    assert "Traceback" not in shown
    assert "OperationalError" not in shown
    assert len(shown.splitlines()) < 70
    assert pytester.path.joinpath("report.json").exists()


def test_a_case_is_judged_again_when_a_session_crashed(own: RunningServer, tmp_path: Path) -> None:
    """PostgreSQL ends all sessions then, and lets none in until it has recovered."""
    with staged(own.server, sound("plain"), tmp_path) as subject, SandboxPool(subject) as sandboxes:
        for code in ("US103", "US201"):
            check = registry.find(code)
            assert sandboxes.judge(check, check.cases[0]).outcome is Outcome.KEPT
        session = sandboxes.take("US201").session()
        os.kill(session.info.backend_pid, signal.SIGKILL)
        for code in ("US103", "US201", "US302"):
            check = registry.find(code)
            case = check.cases[0] if check.cases else ""
            assert sandboxes.judge(check, case).outcome is Outcome.KEPT


def test_a_session_that_ends_itself_each_time_is_no_lost_server(
    own: RunningServer, tmp_path: Path
) -> None:
    act = sound("plain")
    act.files["20260102000000_end.sql"] = """
        create function public.end_it() returns trigger
            security definer set search_path = '' language plpgsql
        as $$ begin perform pg_catalog.pg_terminate_backend(pg_backend_pid()); return null; end $$;
        create trigger end_it after update on auth.users
            for each row execute function public.end_it();
    """
    with staged(own.server, act, tmp_path) as subject, SandboxPool(subject) as sandboxes:
        assert not subject.load_failures
        check = registry.find("US102")
        verdict = sandboxes.judge(check, check.cases[0])
        assert verdict.outcome is Outcome.NOT_JUDGED
        assert verdict.reason.startswith("PostgreSQL ended the session at every attempt: ")


def test_an_ended_session_is_told_from_a_refusal(own: RunningServer) -> None:
    with closing(database.connect(own.server, "postgres")) as session:
        with pytest.raises(psycopg.Error) as refused:
            session.execute("select 1 / 0")
        assert not server_lost.ended(refused.value)
        with pytest.raises(psycopg.Error) as gone:
            session.execute("select pg_terminate_backend(pg_backend_pid())")
        assert server_lost.ended(gone.value)
    server_lost.require(own.server, "nothing was done")


APP = """
    import os, signal
    from pathlib import Path
    import pytest
    from psycopg.conninfo import conninfo_to_dict

    def test_before(usersync, supabase_auth):
        supabase_auth.sign_up("ada@example.com")
        words = conninfo_to_dict(usersync.subject.server.conninfo)
        text = Path(words["host"]).parent.joinpath("data", "postmaster.pid").read_text()
        os.kill(int(text.split()[0]), signal.SIGKILL)
        usersync.assert_no_ghosts()

    @pytest.mark.parametrize("number", range(5))
    def test_after(supabase_auth, number):
        supabase_auth.sign_up(f"ada.{number}@example.com")

    def test_that_needs_no_server():
        pass
"""


def test_the_tests_of_an_app_fail_in_one_line_each(
    write_project: Callable[[str], Path], pytester: pytest.Pytester
) -> None:
    write_project(sound("plain").migrations()["00000000000001_base.sql"])
    pytester.makepyfile(test_app=APP)
    result = pytester.runpytest_subprocess("--tb=long", "-p", "no:randomly")
    shown = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    # A backend may answer once more before it sees that the server is gone.
    assert len(re.findall(r"(?m)^The server was lost while test_\S+ ran: ", shown)) == 1
    assert len(re.findall(r"(?m)^The server was lost: see test_app.py::test_\S+$", shown)) >= 4
    assert " passed" in shown
    assert "Traceback" not in shown
    assert len(shown.splitlines()) < 60
