from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.postgres import Server, ServerRequest, locks, rundir, start
from pytest_usersync.postgres.database import connect

RUN = """
import os, sys
from pytest_usersync.postgres import ServerRequest, server_process, start
{before}
running = start(ServerRequest())
{meanwhile}
print(running.server.to_json(), flush=True)
sys.stdin.read()
{after}
"""
ON_ANOTHER_SYSTEM = "server_process._kernel_tie = lambda: None"
FORK_AND_STOP = """
child = os.fork()
if child == 0:
    running.stop()
    os._exit(0)
os.waitpid(child, 0)
"""


class Run:
    """Another process with a server of its own."""

    def __init__(self, before: str = "", meanwhile: str = "", after: str = "") -> None:
        code = RUN.format(before=before, meanwhile=meanwhile, after=after)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.server = Server(**json.loads(self.process.stdout.readline()))
        with connect(self.server, "postgres") as connection:
            row = connection.execute("show data_directory").fetchone()
        assert row
        self.data = Path(row["data_directory"])
        self.postmaster = int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run()
    yield run
    run.kill()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Where nobody reaps orphans a dead server stays in the table.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def is_gone_within(seconds: float, pid: int) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_killed_run_leaves_no_server_and_the_next_start_removes_its_files(run: Run) -> None:
    assert is_alive(run.postmaster)
    run.kill()
    assert is_gone_within(1, run.postmaster)
    with start(ServerRequest()):
        assert not run.data.parent.exists()


def test_without_help_of_the_kernel_a_killed_run_leaves_no_server_either() -> None:
    run = Run(ON_ANOTHER_SYSTEM)
    run.kill()
    assert is_gone_within(1, run.postmaster)


def test_without_help_of_the_kernel_stopping_is_stopping_too() -> None:
    run = Run(ON_ANOTHER_SYSTEM, after="running.stop()")
    run.process.communicate("", timeout=30)
    assert run.process.returncode == 0
    assert not is_alive(run.postmaster)
    assert not run.data.parent.exists()


def test_an_interrupt_from_the_keyboard_does_not_reach_the_server(run: Run) -> None:
    assert os.getsid(run.postmaster) != os.getsid(run.process.pid)


def test_a_sweep_leaves_a_live_run_alone(run: Run) -> None:
    rundir.sweep()
    with connect(run.server, "postgres") as connection:
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    assert run.data.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="segments are listed in /proc only")
def test_a_server_that_was_killed_leaves_no_shared_memory() -> None:
    run = Run(after="running.stop()")
    segment = (run.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
    assert segment in segments()
    os.kill(run.postmaster, signal.SIGKILL)
    run.process.communicate("", timeout=30)
    assert segment not in segments()


def segments() -> set[str]:
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()}


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed in /proc only")
def test_the_server_does_not_hold_the_lock_of_the_run(run: Run) -> None:
    files = [str(path.readlink()) for path in Path(f"/proc/{run.postmaster}/fd").iterdir()]
    assert any(name.endswith("/log") for name in files)
    assert not any(name.endswith(locks.SUFFIX) for name in files)


def test_a_forked_child_does_not_stop_the_server_of_its_parent() -> None:
    run = Run(meanwhile=FORK_AND_STOP)
    try:
        assert is_alive(run.postmaster)
        assert (run.data / "PG_VERSION").exists()
    finally:
        run.kill()
