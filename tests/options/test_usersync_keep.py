"""``--usersync-keep`` leaves the database of a broken case to the user."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator

import psycopg
import pytest

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.database import connect, drop

Run = Callable[..., pytest.RunResult]


def conninfo(result: pytest.RunResult) -> str:
    """Return the connection string of the psql line in the summary."""
    line = next(line for line in result.outlines if "Kept: " in line)
    return shlex.split(line.partition("Kept: ")[2])[1]


@pytest.fixture
def left(run: Run) -> Iterator[pytest.RunResult]:
    """Return the outcome of a run on an own server, which is ended afterwards."""
    result = run("--usersync-keep", select="US901,US911")
    yield result
    marker = "To stop and remove it: "
    command = next(line for line in result.outlines if marker in line).partition(marker)[2]
    subprocess.run(["sh", "-c", command], check=True)
    # It was a child of this process, which is not gone as a run of its own would be.
    os.waitpid(int(command.split()[2].rstrip(";")), 0)


def test_the_line_opens_the_database_of_the_broken_case(left: pytest.RunResult) -> None:
    left.assert_outcomes(passed=1, failed=1)
    with psycopg.connect(conninfo(left)) as connection:
        assert connection.execute("select * from public.evidence").fetchall() == []
    connection.close()


def test_only_what_is_broken_is_kept(left: pytest.RunResult) -> None:
    with psycopg.connect(conninfo(left), autocommit=True) as connection:
        rows = connection.execute(
            "select datname from pg_database where datname like 'usersync_%clone%'"
        ).fetchall()
    connection.close()
    assert len(rows) == 1


def test_nothing_is_left_running_when_nothing_is_broken(run: Run) -> None:
    result = run("--usersync-keep")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*still running for you*")


def test_without_it_nothing_is_left_running(run: Run) -> None:
    run(select="US911").stdout.no_fnmatch_line("*Kept*")


@pytest.fixture(scope="module")
def guest(wanted: ServerRequest) -> Iterator[Server]:
    """Return a server that the runs of these tests do not own."""
    with start(wanted) as running:
        yield running.server


def test_on_a_server_of_the_user_the_database_stays_there(run: Run, guest: Server) -> None:
    result = run("--usersync-keep", f"--usersync-dsn={guest.conninfo}", select="US911")
    result.stdout.fnmatch_lines(["The kept databases stay on your server until you drop them."])
    name = psycopg.conninfo.conninfo_to_dict(conninfo(result))["dbname"]
    with connect(guest, str(name)) as connection:
        assert connection.execute("select * from public.evidence").fetchall() == []
    drop(guest, str(name))


def test_every_line_works_as_it_stands(left: pytest.RunResult) -> None:
    lines = [one.partition("Kept: ")[2] for one in left.outlines if "Kept: " in one]
    assert lines
    for line in lines:
        asked = f"{line} --no-psqlrc -Atc 'select count(*) from public.evidence'"
        said = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, check=True)
        assert said.stdout == "0\n"
