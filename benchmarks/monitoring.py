"""Measure the pack's daily check beside one hash anti-join each way over the two keys.

    python benchmarks/monitoring.py [users ...]

The head of the pack's chain, with one ghost and one orphan in a thousand; by default 1,000 to
100,000 users. Each figure is the median of rounds in which what is compared takes turns, so that
whatever else the machine does meets all of them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_usersync import migrations
from pytest_usersync.platform import platform
from pytest_usersync.postgres import ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection

MIGRATIONS = Path(__file__).parents[1] / "sql" / "migrations"
ROUNDS = 9

PEOPLE = """
    set session_replication_role = replica;
    insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)
    select
        gen_random_uuid(), 'authenticated', 'authenticated', 'user' || n || '@example.com', now(),
        now() - n * interval '1 second', now()
    from generate_series(1, {users}) as n;
    insert into public.users (id, email, email_verified, created_at)
    select
        case when right(u.email, 15) = '500@example.com' then gen_random_uuid() else u.id end,
        u.email, true, u.created_at
    from auth.users as u;
    set session_replication_role = origin;
    vacuum analyze auth.users;
    vacuum analyze public.users;
"""
ANTI_JOINS = """
    select
        (
            select count(*)
            from auth.users as au
            where not exists (select from public.users as pu where pu.id = au.id)
        ) as ghosts,
        (
            select count(*)
            from public.users as pu
            where not exists (select from auth.users as au where au.id = pu.id)
        ) as orphans
"""
CHECKS = {
    "get_user_sync_stats()": "select * from public.get_user_sync_stats()",
    "run_user_sync_quality_check()": "select * from public.run_user_sync_quality_check()",
    "record_user_sync_metrics()": "select public.record_user_sync_metrics()",
    "check_ghost_users()": "select * from public.check_ghost_users()",
}


def main(sizes: list[int]) -> None:
    """Print the table."""
    with start(ServerRequest()) as running, tempfile.TemporaryDirectory() as folder:
        found = migrations.find(Path(folder), [MIGRATIONS])
        server = running.server
        loaded = migrations.load(server, platform.template(server), found)
        print(f"{server.origin}, {ROUNDS} rounds\n")
        print(f"{'':34}{'users':>10}{'ms':>10}{'joins, ms':>12}{'ratio':>8}")
        with Clones(server) as clones:
            for users in sizes:
                name = clones.take(loaded.database)
                with database.connect(server, name) as connection:
                    fill(connection, users)
                    measure(connection, users)


def fill(connection: Connection, users: int) -> None:
    """Write so many users, nearly all with their profiles."""
    for statement in PEOPLE.format(users=users).split(";")[:-1]:
        connection.execute(statement.encode())
    connection.execute("set client_min_messages = error")


def measure(connection: Connection, users: int) -> None:
    """Print a line for each function."""
    for name, call in CHECKS.items():
        ours, bare = turns(connection, call)
        print(f"{name:34}{users:>10,}{ours:>10.2f}{bare:>12.2f}{ours / bare:>8.2f}")


def turns(connection: Connection, call: str) -> tuple[float, float]:
    """Return the median time of the call and of the bare joins, in ms, after one of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for kept, text in zip(times, (call, ANTI_JOINS), strict=True):
            taken = milliseconds(lambda text=text: connection.execute(text.encode()).fetchall())  # type: ignore[misc]
            if number:
                kept.append(taken)
    return statistics.median(times[0]), statistics.median(times[1])


def milliseconds(act: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000])
