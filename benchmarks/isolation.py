"""Measure what a clean database costs a test, beside what it is compared with in the same run.

    python benchmarks/isolation.py [rounds]

The project is ``examples/minimal``. Each figure is the median of rounds in which what is compared
takes turns, so that whatever else the machine does meets all of them. Nobody waits for the end of
a world, which the server comes to while Hypothesis draws the next example: it is a part of the time
with Hypothesis's own, and of the server's processor time. Processor time is that of this process
and, on Linux, that of the server's process for its connection.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from pytest_postgresql.janitor import DatabaseJanitor

from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import database
from pytest_usersync.postgres.pipeline import Pipeline, Query
from pytest_usersync.runner import subject
from pytest_usersync.runner.check import Subject

MINIMAL = Path(__file__).parents[1] / "examples" / "minimal"
TIMES = 100
EXAMPLES = 2000

Sent = list[tuple[object, object]]


def main(rounds: int) -> None:
    """Print the table."""
    options = Settings()
    with subject.prepare(options, subject.find(options, MINIMAL)) as (prepared, _):
        usersync = UserSync(prepared)
        print(f"{prepared.server.origin}, {rounds} rounds of {TIMES}\n")
        print(f"{'':44}{'ours':>10}{'compared':>10}{'ratio':>8}")
        for name, act in flows(usersync).items():
            with bare(usersync, act) as compared:
                line(f"{name}, rolled back, µs", *turns(rounds, world(usersync, act), compared))
        empty = world(usersync, lambda: usersync.connection.execute("select 1"))
        fixture = client_fixture(prepared)
        line("a clean database, µs (client fixture)", *turns(rounds, empty, fixture, few=5))
        print()
        for name, act in flows(usersync).items():
            property_test(usersync, name, act)
        print()
        for name, act in flows(usersync).items():
            processor(usersync, name, act)
        usersync.close()


def flows(usersync: UserSync) -> dict[str, Callable[[], object]]:
    """Return the signups to measure."""
    auth = usersync.auth
    return {
        "a plain signup": lambda: auth.sign_up("ada@example.com"),
        "an anonymous sign-in": auth.sign_in_anonymously,
    }


def world(usersync: UserSync, act: Callable[[], object]) -> Callable[[], None]:
    """Return what one test costs: a clean world, the act, and everything taken back."""

    def run() -> None:
        act()
        usersync.end()

    return run


@contextmanager
def bare(usersync: UserSync, act: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Yield what sends the same statements by psycopg alone, as a login of Supabase Auth."""
    name = usersync.connection.info.dbname  # begins the world: what that takes is not recorded
    statements = recorded(act)
    usersync.end()
    server = usersync._subject.server  # noqa: SLF001
    with database.connect(server, name, "supabase_auth_admin", autocommit=False) as connection:

        def run() -> None:
            for text, values in statements:
                cursor = connection.execute(text, values)  # type: ignore[call-overload]
                if cursor.description:
                    cursor.fetchall()
            connection.rollback()

        yield run


def recorded(act: Callable[[], object]) -> Sent:
    """Return the statements of a flow, without savepoints and settings."""
    sent: Sent = []
    pack = Pipeline.pack

    def note(self: Pipeline, text: str, values: Sequence[object]) -> Query:
        sent.append((text, values))
        return pack(self, text, values)

    Pipeline.pack = note  # type: ignore[method-assign]
    try:
        act()
    finally:
        Pipeline.pack = pack  # type: ignore[method-assign]
    return sent


def client_fixture(prepared: Subject) -> Callable[[], None]:
    """Return what pytest-postgresql's client fixture does for a test, on the same server."""
    words = conninfo_to_dict(prepared.server.conninfo)
    user, host, port = (str(words[key]) for key in ("user", "host", "port"))

    def run() -> None:
        janitor = DatabaseJanitor(
            user=user, host=host, port=port, dbname="compared", template_dbname=prepared.database
        )
        with janitor, psycopg.connect(dbname="compared", user=user, host=host, port=port) as inside:
            inside.execute("select 1")

    return run


def turns(
    rounds: int, ours: Callable[[], object], compared: Callable[[], object], few: int = TIMES
) -> tuple[float, float]:
    """Return the medians of both, in microseconds."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for times, act, count in zip(taken, (ours, compared), (TIMES, few), strict=True):
            for _ in range(count):
                started = time.perf_counter()
                act()
                times.append((time.perf_counter() - started) * 1e6)
    return statistics.median(taken[0]), statistics.median(taken[1])


def line(name: str, ours: float, compared: float) -> None:
    """Print one comparison."""
    print(f"{name:44}{ours:10,.0f}{compared:10,.0f}{ours / compared:8.3f}")


def property_test(usersync: UserSync, name: str, act: Callable[[], object]) -> None:
    """Print how many examples a second run, with and without Hypothesis's own time."""
    inside: list[float] = []

    @settings(max_examples=EXAMPLES, database=None, deadline=None)
    @given(st.integers())
    def examples(number: int) -> None:
        started = time.perf_counter()
        with usersync.example():
            act()
        inside.append(time.perf_counter() - started)
        assert isinstance(number, int)

    examples()  # What is planned and cached once is no part of what an example costs.
    inside.clear()
    started = time.perf_counter()
    examples()
    whole = time.perf_counter() - started
    fast = statistics.quantiles(inside, n=10)[0]
    print(
        f"{name}: {len(inside) / sum(inside):,.0f} examples/s, a tenth at {1 / fast:,.0f} or more;"
        f" {len(inside) / whole:,.0f} with Hypothesis's own time, {1 - sum(inside) / whole:.0%}"
    )


def processor(usersync: UserSync, name: str, act: Callable[[], object]) -> None:
    """Print what an example takes of the processor: the least of many, for others run as well."""
    connection = usersync.connection
    pid = connection.info.backend_pid
    usersync.end()
    ours, theirs = [], []
    for _ in range(EXAMPLES):
        before = time.process_time(), spent(pid)
        with usersync.example():
            act()
        ours.append((time.process_time() - before[0]) * 1e6)
        assert connection.info.transaction_status == TransactionStatus.IDLE  # It has ended.
        theirs.append(spent(pid) - before[1])
    print(f"{name}: {min(ours):,.0f} µs of this process, {min(theirs):,.0f} µs of the server's")


def spent(pid: int) -> float:
    """Return how many microseconds a process has run, where the system tells."""
    told = Path(f"/proc/{pid}/schedstat")
    return int(told.read_text(encoding="ascii").split()[0]) / 1e3 if told.exists() else 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
