"""Measure what a user waits for: the plugin's load, a first run, a later run, a clone.

Run it as ``python benchmarks/startup.py``; nothing else should be running. Each figure stands
beside what it is compared with, taken in the same run.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pytest_usersync.platform import platform
from pytest_usersync.postgres import MAINTENANCE, ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones

PETFORCE = Path(__file__).parents[1] / "examples" / "petforce"
ROUNDS = 7

LOAD = """
import time, pytest
started = time.perf_counter()
import pytest_usersync.plugin.hooks
print(time.perf_counter() - started)
"""


def milliseconds(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median time of an act, in ms."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        act()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def pytest(*arguments: str, **environment: str) -> None:
    """Run pytest on the example, as a user does."""
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(PETFORCE)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        check=False,
    )


def loaded() -> float:
    """Return the plugin's own share of a pytest start, in ms."""
    times = [
        float(subprocess.check_output([sys.executable, "-c", LOAD], text=True)) * 1000
        for _ in range(ROUNDS)
    ]
    return statistics.median(times)


def show(what: str, took: float, beside: str) -> None:
    """Print one row."""
    print(f"{what:52} {took:8.1f} ms   {beside}")


def main() -> None:
    """Print the table."""
    empty = milliseconds(lambda: pytest("--version"))
    show("pytest --version, every installed plugin loaded", empty, "")
    show("  of which this plugin", loaded(), "limit 5 ms")
    with tempfile.TemporaryDirectory() as cache:
        first = milliseconds(lambda: pytest("--usersync", XDG_CACHE_HOME=cache), 1)
        show("pytest --usersync petforce, first time on a machine", first, "limit 6000 ms")
    again = milliseconds(lambda: pytest("--usersync"))
    show("pytest --usersync petforce, later", again, f"limit 2500 ms; first {first / again:.1f} x")
    with start(ServerRequest(), platform.seed()) as running:
        server = running.server
        template = platform.template(server)
        with (
            Clones(server) as clones,
            closing(database.connect(server, MAINTENANCE)) as bare,
        ):
            clone = milliseconds(lambda: clones.take(template), 30)
            names = iter(range(1000))
            create = milliseconds(
                lambda: bare.execute(f"create database usersync_bare_{next(names)}".encode()), 30
            )
        show("a clone of the platform", clone, f"limit 20 ms; {clone / create:.1f} x an empty one")
        show("an empty database", create, server.origin)


if __name__ == "__main__":
    main()
