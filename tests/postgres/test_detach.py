"""A server that is kept lives on without us, and its files go when it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.postgres import RunningServer, Server, rundir
from pytest_usersync.postgres.database import connect

KEEP = """
from pytest_usersync.postgres.database import connect
from pytest_usersync.postgres import ServerRequest, start
with start(ServerRequest()) as running:
    with connect(running.server, "postgres") as connection:
        connection.execute("create table public.kept (it int)")
    print(running.server.to_json())
    print(running.detach())
"""


class Kept:
    """A server that another process, which has ended, left behind."""

    def __init__(self) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", KEEP], check=True, capture_output=True, text=True
        )
        assert done.stderr == ""
        said, self.command = done.stdout.splitlines()
        self.server = Server(**json.loads(said))
        self.pid = int(self.command.split()[2].rstrip(";"))
        self.folder = Path(self.command.split()[-1])

    def end(self) -> None:
        subprocess.run(["sh", "-c", self.command], check=True)


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    yield made
    if made.folder.exists():
        made.end()


def test_a_kept_server_still_has_what_was_written(kept: Kept) -> None:
    with connect(kept.server, "postgres") as connection:
        assert connection.execute("select * from public.kept").fetchall() == []


def test_the_command_ends_the_server_and_removes_its_files(kept: Kept) -> None:
    kept.end()
    assert not kept.folder.exists()
    status = Path(f"/proc/{kept.pid}/stat")
    assert not status.exists() or " Z " in status.read_text()


def test_later_runs_leave_a_kept_server_alone_while_it_lives(kept: Kept) -> None:
    rundir.sweep()
    assert kept.folder.exists()
    os.kill(kept.pid, 3)
    deadline = time.monotonic() + 10
    while kept.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
        rundir.sweep()
    assert not kept.folder.exists()


def test_a_server_that_is_not_ours_needs_no_keeping(server: Server) -> None:
    assert RunningServer(server).detach() == ""
