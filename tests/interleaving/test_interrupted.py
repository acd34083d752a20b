"""A run that is interrupted in the midst of a race leaves nothing on a server that is not ours.

``USERSYNC_WHOLE_MATRIX=1`` interrupts fifty runs, some a little later than others.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from acts import SCENARIOS, pairs
from matrix import WHOLE, few

from pytest_usersync.interleaving.breakpoints import KEYS
from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.database import Connection, connect

TIMES = 17 if WHOLE else 1
PATIENCE = 60.0
# A shell starts what runs in the background with SIGINT ignored, and what that starts ignores it.
HEEDING = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""
EVERYTHING = """
select 'database' as kind, datname::text as name from pg_catalog.pg_database
union all
select 'role', rolname::text from pg_catalog.pg_roles
union all
select 'setting', setconfig::text from pg_catalog.pg_db_role_setting
union all
select 'session', datname::text from pg_catalog.pg_stat_activity
where datname is not null and pid <> pg_catalog.pg_backend_pid()
union all
select 'lock', objid::text from pg_catalog.pg_locks where locktype = 'advisory'
order by 1, 2
"""
# A breakpoint is shut, which is so from the first schedule of a race to the last one; the
# migrations are applied once more.
RACING = f"select from pg_catalog.pg_locks where classid = {KEYS}"
INSTALLING = "select from pg_catalog.pg_database where datname like 'usersync_install%'"
MOMENTS = {"US301": RACING, "US303": RACING, "US308": INSTALLING}


@pytest.fixture(scope="module")
def guest(wanted: ServerRequest) -> Iterator[Server]:
    """Return a server that the runs of these tests do not own."""
    with start(wanted) as running:
        yield running.server


@pytest.fixture(scope="module")
def superuser(guest: Server) -> Iterator[Connection]:
    with closing(connect(guest, "postgres")) as connection:
        yield connection


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    pairs(SCENARIOS["same_user_race"])[0].broken.write(folder)
    return folder


@pytest.mark.parametrize("code", few(MOMENTS, ["US308"]))
def test_nothing_remains_of_a_run_that_is_interrupted(
    guest: Server, superuser: Connection, project: Path, code: str
) -> None:
    before = everything(superuser)
    interrupted = 0
    for number in range(3 * TIMES):
        with running(guest, project, code) as run:
            expect(superuser, MOMENTS[code], run, times=1 + 20 * (number % 5))
            run.send_signal(signal.SIGINT)
            told, _ = run.communicate(timeout=PATIENCE)
        assert "Traceback" not in told, told
        assert remains(superuser, before) == before
        # A run may have come to its end in the very moment.
        interrupted += run.returncode == pytest.ExitCode.INTERRUPTED
        if interrupted == TIMES:
            return
    raise AssertionError(f"{interrupted} runs were interrupted")


def test_nothing_remains_of_a_run_that_comes_to_its_end(
    guest: Server, superuser: Connection, project: Path
) -> None:
    before = everything(superuser)
    with running(guest, project, ",".join(MOMENTS)) as run:
        told, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, told
    assert remains(superuser, before) == before


@contextmanager
def running(guest: Server, folder: Path, codes: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HEEDING, "--usersync", f"--usersync-select={codes}"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    with subprocess.Popen(
        [*command, f"--usersync-dsn={guest.conninfo}", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def expect(superuser: Connection, query: str, run: subprocess.Popen[str], *, times: int) -> None:
    """Wait until something has been seen so many times, or the run is at its end."""
    deadline = time.monotonic() + PATIENCE
    while times and run.poll() is None and time.monotonic() < deadline:
        times -= bool(superuser.execute(query.encode()).rowcount)


def everything(superuser: Connection) -> list[tuple[str, str]]:
    rows = superuser.execute(EVERYTHING).fetchall()
    return [(str(row["kind"]), str(row["name"])) for row in rows]


def remains(superuser: Connection, before: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what is there once the sessions of those who have gone are gone, too."""
    deadline = time.monotonic() + 5
    while (found := everything(superuser)) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    return found
