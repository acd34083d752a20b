"""A server for one purpose: with settings of its own, and one that may be killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg

from pytest_usersync.platform import platform
from pytest_usersync.postgres import (
    MAINTENANCE,
    SUPERUSER,
    Server,
    cluster,
    database,
    locate,
    rundir,
    server_process,
)
from pytest_usersync.postgres.os_account import account

PROCESSES = Path("/proc")
SECONDS = 60


class Cluster:
    """A simulated Supabase on a server of its own."""

    def __init__(self, binaries: Path | None, settings: Mapping[str, str]) -> None:
        found, user = locate.find(binaries), account()
        self._run = rundir.create(user, executable=not user.can_pass(found.folder / "postgres"))
        self._killed: list[int] = []
        self._settings = {**server_process.SETTINGS, **settings}
        self.server = Server(
            conninfo=f"host={self.sockets} port={server_process.PORT} user={SUPERUSER}",
            version=found.version,
            origin=found.origin,
            own=True,
        )
        reached = cluster.reachable(found, user, self._run)
        self._site = cluster.Site(reached, user, self._run, self.server)
        cluster.prepare(self._site, platform.seed()).stop(clean=True)
        self.start()

    @property
    def sockets(self) -> Path:
        """Return the folder of its socket."""
        return self._run.sockets

    def start(self) -> None:
        """Start it on what it left, and wait until it has recovered."""
        folder = self._site.binaries.folder
        run, user = self._run, self._site.account
        self._postmaster = server_process.launch(folder, run, user, settings=self._settings)
        # the file that tells of a ready server may be that of the one that was killed
        until = time.monotonic() + SECONDS
        while True:
            try:
                database.connect(self.server, MAINTENANCE).close()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.005)
            else:
                return

    def restart(self) -> None:
        """Stop it in order, and start it again."""
        self._postmaster.stop(clean=True)
        self.start()

    def processes(self) -> list[int]:
        """Return the ids of its processes, the first of them first."""
        return [self._postmaster.pid, *children(self._postmaster.pid)]

    def kill(self, processes: list[int]) -> None:
        """End these processes of it at once, as ``kill -9`` does; nothing is cleaned up."""
        self._killed = processes
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def recover(self) -> None:
        """Start it again after it was killed, once nothing of it holds its memory any more."""
        self._postmaster.stop()
        while any(map(runs, self._killed)):
            time.sleep(0.002)
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._postmaster.stop()
        self._run.remove()


def runs(process: int) -> bool:
    """Tell whether a process runs still; one that only waits to be counted out does not."""
    try:
        return status(PROCESSES / str(process) / "stat")[0] not in "ZX"
    except OSError:
        return False


def children(parent: int) -> Iterator[int]:
    """Yield the ids of the processes that a process started."""
    for path in PROCESSES.glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status(path)[1]) == parent:
                yield int(path.parent.name)


def status(path: Path) -> list[str]:
    """Return what the kernel says of a process behind its name: its state, its parent, and on."""
    return path.read_text().rpartition(")")[2].split()
