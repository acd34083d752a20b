"""Play the schedules of two sessions of four steps, and count how few are enough.

    python benchmarks/interleaving.py [rounds]

The project is ``examples/minimal``. The first table is the time of all 70 schedules, fastest and
median round, and the processor's time of one, beside isolationtester on the same server if
PostgreSQL's server development files are installed; the second is how many schedules stand for all;
the third is what it takes to apply the pack's migrations while people sign up (US308).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from pytest_usersync.interleaving import Race, races
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import database
from pytest_usersync.probes.races.windows import deploy_with_signups
from pytest_usersync.runner import subject
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.sandbox_pool import SandboxPool

ROOT = Path(__file__).parents[1]
MINIMAL = ROOT / "examples" / "minimal"
PACK = ROOT / "sql" / "migrations"
TABLES = """
    create table public.accounts (id integer primary key, amount integer);
    insert into public.accounts values (1, 10), (2, 20);
    create table public.others (id integer primary key, amount integer);
    insert into public.others values (1, 10), (2, 20);
    grant all on public.accounts, public.others to postgres;
"""
EMPTIED = "drop table public.accounts, public.others;"
HERE, THERE = "public.accounts", "public.others"


def add(table: str, number: int) -> str:
    """Return a step that adds to a row."""
    return f"update {table} set amount = amount + 1 where id = {number}"


ADA = [add(HERE, 1), add(HERE, 2)] * 2
BOB = [add(THERE, 1), add(THERE, 2)] * 2
# Two transactions of three statements and a commit, by what they have in common.
MEETING = {
    "nothing": (ADA[:3], BOB[:3]),
    "the last row": ([*ADA[:2], add(HERE, 2)], [*BOB[:2], add(HERE, 2)]),
    "the first row": ([add(HERE, 1), *ADA[:2]], [add(HERE, 1), *BOB[:2]]),
    "every row": (ADA[:3], ADA[:3]),
}


def main(rounds: int) -> None:
    """Print the tables."""
    options = Settings()
    with (
        subject.prepare(options, subject.find(options, MINIMAL)) as (prepared, _),
        races(prepared) as new,
    ):
        print(f"{prepared.server.origin}, {rounds} rounds of 70 schedules\n")
        print(f"{'':34}{'fastest':>10}{'median':>10}{'a schedule':>12}{'its CPU':>12}")
        race = cast(new, ADA, BOB)
        race.run("ada bob")
        spent = partial(processor, prepared)
        line("ours", rounds, lambda: len([*race.outcomes(reduce=False)]), spent)
        if tester := isolationtester():
            spec, name = specification(), race.race_database.name
            words = database.conninfo(prepared.server, scratch(prepared, name))
            line("isolationtester", rounds, lambda: permutations(tester, words, spec), spent)
        print(f"\n{'two transactions that share':34}{'schedules':>10}{'all':>10}{'ratio':>12}")
        for what, (ada, bob) in MEETING.items():
            counted(what, cast(new, ada, bob, isolation="read committed"))
    print(f"\n{'the pack, while people sign up':34}{'median':>10}{'its CPU':>12}{'people':>10}")
    pack = Settings(migrations=(PACK,))
    with subject.prepare(pack, subject.find(pack, PACK.parent)) as (prepared, _):
        installed(prepared, rounds)


def cast(new: RaceFactory, ada: list[str], bob: list[str], isolation: str | None = None) -> Race:
    """Return a race of two sessions."""
    race = new()
    race.prepare(TABLES)
    race.session("ada", *ada, isolation=isolation)
    race.session("bob", *bob, isolation=isolation)
    return race


def line(name: str, rounds: int, act: Callable[[], int], spent: Callable[[], float]) -> None:
    """Print one line of the first table."""
    times, before = [], spent()
    for _ in range(rounds):
        begun = time.perf_counter()
        played = act()
        times.append(time.perf_counter() - begun)
        assert played == 70
    fastest, median = min(times), statistics.median(times)
    each = (spent() - before) / rounds / 70
    print(
        f"{name:34}{fastest:>8.3f} s{median:>8.3f} s{1000 * median / 70:>9.2f} ms"
        f"{1000 * each:>9.2f} ms"
    )


def installed(prepared: Subject, rounds: int) -> None:
    """Print the line of the third table."""
    times, before = [], processor(prepared)
    with SandboxPool(prepared) as sandboxes:
        for _ in range(rounds):
            begun = time.perf_counter()
            with CheckContext(sandboxes.take("US308")) as context:
                people = len(deploy_with_signups(context).seen.arrivals)
            times.append(time.perf_counter() - begun)
    each = (processor(prepared) - before) / rounds
    print(f"{'':34}{statistics.median(times):>8.3f} s{each:>10.3f} s{people:>10}")


def processor(prepared: Subject) -> float:
    """Return the seconds that this process and the server have had of a processor so far."""
    ours = sum(os.times()[:4])
    with database.connect(prepared.server, "postgres") as connection:
        row = connection.execute("show data_directory").fetchone() or {}
    postmaster = Path(row["data_directory"], "postmaster.pid").read_text("utf-8").split()[0]
    theirs = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            values = file.read_text("utf-8").rpartition(")")[2].split()
            if postmaster in (values[1], file.parent.name):
                # Who has ended is counted with the one that began it.
                mine = slice(11, 15) if file.parent.name == postmaster else slice(11, 13)
                theirs += sum(map(int, values[mine]))
    return ours + theirs / os.sysconf("SC_CLK_TCK")


def counted(what: str, race: Race) -> None:
    """Print one line of the second table."""
    explored = race.explore()
    ratio = explored.naive / explored.played
    print(f"{what:34}{explored.played:>10}{explored.naive:>10}{ratio:>12.1f}")


def isolationtester() -> Path | None:
    """Return PostgreSQL's own, where it is installed."""
    return next(
        Path("/usr/lib/postgresql").glob("*/lib/pgxs/src/test/isolation/isolationtester"), None
    )


def scratch(prepared: Subject, template: str) -> str:
    """Return a database that isolationtester may do with what it likes."""
    name = f"{template}_tester"
    database.clone(prepared.server, prepared.database, name)
    return name


def specification() -> str:
    """Return the same sessions in isolationtester's own language."""
    sessions = (
        [f"session {name}", *(f"step {name}{i} {{ {text}; }}" for i, text in enumerate(steps))]
        for name, steps in (("ada", ADA), ("bob", BOB))
    )
    head = [f"setup {{ {TABLES} }}", f"teardown {{ {EMPTIED} }}"]
    return "\n".join([*head, *chain.from_iterable(sessions)]) + "\n"


def permutations(tester: Path, words: str, spec: str) -> int:
    """Run isolationtester, and return how many schedules it played."""
    ran = subprocess.run(
        [str(tester), words], input=spec, capture_output=True, text=True, check=True
    )
    return ran.stdout.count("starting permutation")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["5"]))
