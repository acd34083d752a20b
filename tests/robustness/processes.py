"""The processes of a run, found by who started whom, and what signals do to them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_CLIENT = re.compile(
    r"postgres: (?!checkpointer|background|walwriter|logical|autovacuum|io )\S+ \S+ "
)


@dataclass(frozen=True)
class Process:
    """One process, as the kernel tells it."""

    pid: int
    parent: int
    name: str
    command: str

    @property
    def is_postmaster(self) -> bool:
        """Return whether this is a server, and none that initdb has for a moment."""
        words = self.command.split()
        return self.name == "postgres" and words[1:2] == ["-D"]

    @property
    def is_python(self) -> bool:
        return self.name.startswith(("python", "pytest"))

    @property
    def is_backend(self) -> bool:
        """Return whether this serves somebody's connection."""
        return bool(_CLIENT.match(self.command))


def living() -> dict[int, Process]:
    """Return all processes that are not zombies, by their ids."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                head, _, tail = (entry / "stat").read_text(errors="replace").rpartition(")")
                state, parent, *_ = tail.split()
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                if state != "Z":
                    pid = int(entry.name)
                    command = line.decode(errors="replace").strip()
                    found[pid] = Process(pid, int(parent), head.partition("(")[2], command)
    return found


def descendants(pid: int) -> list[Process]:
    """Return whom a process started, and whom these started."""
    known = living()
    found, parents = [], {pid}
    while parents:
        children = [one for one in known.values() if one.parent in parents]
        found += children
        parents = {one.pid for one in children}
    return found


def awaited(ask: Callable[[], Iterable[int]], until: Callable[[], bool]) -> list[int]:
    """Return what ``ask`` finds as soon as it finds something; nothing when the time is over."""
    while not (found := list(ask())):
        if until():
            return []
        time.sleep(0.005)
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal processes that may be gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def gone(pids: Callable[[], Iterable[int]], seconds: float) -> list[int]:
    """Wait until no such process is left; return those that stay."""
    deadline = time.monotonic() + seconds
    while found := list(pids()):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.02)
    return []
