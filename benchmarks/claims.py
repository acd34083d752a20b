"""Measure what the review claims of time: the trigger, the backfill, the daily check.

    PYTHONPATH=tests/support python benchmarks/claims.py [users ...]

Sizes are 1000, 10000 and 100000 users unless given; a million takes some minutes. Prints the
table in ``docs/claims.md``. Each figure is the fastest of three, but for the backfill, which has
work to do only once. The server is one of our own, with fsync off: figures tell how things grow
and compare, not what a production server takes.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from packs import MIGRATIONS, REVIEWED, Pack, chain

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.clones import Clones

BACKFILL = next(MIGRATIONS.glob("20260127000002_*")).read_text(encoding="utf-8")
FILLS = {"reviewed": BACKFILL, "head": "call public.backfill_ghost_users()"}
TRIGGER = """
    create or replace trigger on_auth_user_created
        after insert on auth.users
        for each row
        execute function public.handle_new_user()
"""
CHECK = "select * from public.run_user_sync_quality_check()"
RECORD = "select public.record_user_sync_metrics()"
INSERTS = 2000


def main(sizes: list[int]) -> None:
    """Print the section."""
    with start(ServerRequest()) as running, built(running.server) as bases:
        version = running.server.version // 10000
        print(f"## Measured\n\nPostgreSQL {version}, {os.cpu_count()} processors, fsync off.\n")
        print("| users | chain | create trigger | its cost, an insert | backfill | daily check |")
        print("|---:|---|---:|---:|---:|---:|")
        for users in sizes:
            for kind, base in bases.items():
                with (
                    Clones(running.server) as clones,
                    Pack(running.server, clones.take(base)) as pack,
                ):
                    line(pack, users, kind)


@contextmanager
def built(server: Server) -> Iterator[dict[str, str]]:
    """Return the databases of both chains."""
    with chain(server, REVIEWED) as reviewed, chain(server) as head:
        yield {"reviewed": reviewed, "head": head}


def line(pack: Pack, users: int, kind: str) -> None:
    """Print what one chain takes with so many users."""
    pack.ghosts(users)
    pack.do("analyze auth.users")
    filled = took(pack, FILLS[kind])
    pack.do("analyze public.users")
    checked = min(took(pack, CHECK) for _ in range(3))
    recorded = min(took(pack, RECORD) for _ in range(3))
    created = min(took(pack, TRIGGER) for _ in range(3))
    fired = min(per_insert(pack) for _ in range(3))
    figures = [ms(created), ms(fired), ms(filled), f"{ms(checked)}, recorded {ms(recorded)}"]
    print(f"| {users:,} | {kind} | {' | '.join(figures)} |", flush=True)


def took(pack: Pack, text: str) -> float:
    """Return how many seconds the owner waits for a statement."""
    began = time.perf_counter()
    pack.rows(text)
    return time.perf_counter() - began


def per_insert(pack: Pack) -> float:
    """Return how many seconds of an insert into auth.users are the trigger's."""
    pack.superuser.execute("begin")
    (row,) = pack.superuser.execute(
        "explain (analyze, format json) insert into auth.users (id, email) select"
        f" gen_random_uuid(), 'n' || n || '@example.com' from generate_series(1, {INSERTS}) as n"
    )
    pack.superuser.execute("rollback")
    triggers = row["QUERY PLAN"][0]["Triggers"]
    spent = sum(one["Time"] for one in triggers if re.match("on_auth_user", one["Trigger Name"]))
    return float(spent) / 1000 / INSERTS


def ms(seconds: float) -> str:
    """Return a time in milliseconds, to two digits that say something."""
    value = seconds * 1000
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.2g} ms"


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000])
