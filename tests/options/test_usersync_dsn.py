"""``--usersync-dsn`` uses a server that is there, and leaves it as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.database import connect

Run = Callable[..., pytest.RunResult]


@pytest.fixture(scope="module")
def guest(wanted: ServerRequest) -> Iterator[Server]:
    """Return a server that the runs of these tests do not own."""
    with start(wanted) as running:
        yield running.server


def everything(server: Server) -> list[tuple[str, str]]:
    """Return what a run could leave behind: databases, roles, settings and sessions.

    A session that was closed is seen for a moment longer.
    """
    end = time.monotonic() + 5
    found = _everything(server)
    while any(kind == "session" for kind, _ in found) and time.monotonic() < end:
        time.sleep(0.05)
        found = _everything(server)
    return found


def _everything(server: Server) -> list[tuple[str, str]]:
    with connect(server, "postgres") as connection:
        rows = connection.execute(
            """
            select 'database' as kind, datname as name from pg_catalog.pg_database
            union all
            select 'role', rolname from pg_catalog.pg_roles
            union all
            select 'setting', setconfig::text from pg_catalog.pg_db_role_setting
            union all
            select 'session', application_name from pg_catalog.pg_stat_activity
            where datname is not null and pid <> pg_catalog.pg_backend_pid()
            order by 1, 2
            """
        ).fetchall()
    return [(str(row["kind"]), str(row["name"])) for row in rows]


def test_nothing_of_ours_remains(run: Run, guest: Server) -> None:
    before = everything(guest)
    result = run(f"--usersync-dsn={guest.conninfo}", select="US901,US911")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["usersync: on PostgreSQL *by DSN*"])
    assert everything(guest) == before


def test_a_role_that_the_project_makes_does_not_remain_and_so_can_be_made_again(
    run: Run, guest: Server, pytester: pytest.Pytester
) -> None:
    before = everything(guest)
    text = "create role usersync_test_app nologin; grant select on public.profiles to %s;"
    (pytester.path / "hand.sql").write_text(text % "usersync_test_app")
    for _ in range(2):
        result = run(f"--usersync-dsn={guest.conninfo}", "--usersync-setup=hand.sql")
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*hand.sql does not apply")
        assert everything(guest) == before


def test_nothing_of_ours_remains_after_an_interrupted_run(run: Run, guest: Server) -> None:
    before = everything(guest)
    result = run(f"--usersync-dsn={guest.conninfo}", select="US921")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert everything(guest) == before


def test_nothing_of_ours_remains_when_a_plugin_breaks_the_run(
    run: Run, guest: Server, pytester: pytest.Pytester
) -> None:
    before = everything(guest)
    pytester.makeconftest("def pytest_collection_finish(session): raise RuntimeError('enough')")
    result = run(f"--usersync-dsn={guest.conninfo}")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert everything(guest) == before


def test_workers_use_it_too_and_leave_nothing(
    pytester: pytest.Pytester, project: object, guest: Server
) -> None:
    before = everything(guest)
    result = pytester.runpytest(
        "--usersync", f"--usersync-dsn={guest.conninfo}", "--usersync-select=US104", "-n", "2"
    )
    assert result.ret == pytest.ExitCode.OK
    assert everything(guest) == before


def test_a_server_that_is_not_there_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert "/nowhere" in refused("--usersync-dsn=host=/nowhere user=postgres")


def test_a_password_is_never_shown(refused: Callable[..., str]) -> None:
    said = refused("--usersync-dsn=host=/nowhere user=postgres password=sesame")
    assert "sesame" not in said


def test_the_command_line_wins_over_the_environment_and_that_over_the_ini_file(
    refused: Callable[..., str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_dsn = host=/from-ini\n")
    assert "/from-ini" in refused()
    monkeypatch.setenv("USERSYNC_DSN", "host=/from-env")
    assert "/from-env" in refused()
    assert "/typed" in refused("--usersync-dsn=host=/typed")


def test_a_role_that_cannot_serve_is_a_usage_error(
    refused: Callable[..., str], guest: Server
) -> None:
    with connect(guest, "postgres") as connection:
        connection.execute("create role authenticated bypassrls")
    before = everything(guest)
    try:
        said = refused(f"--usersync-dsn={guest.conninfo}")
        assert "The role authenticated bypasses row level security" in said
        assert "Run there: alter role authenticated nobypassrls;" in said
        assert everything(guest) == before
    finally:
        with connect(guest, "postgres") as connection:
            connection.execute("drop role authenticated")
