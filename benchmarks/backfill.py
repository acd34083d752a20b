"""Measure the pack's backfill beside a bare ``insert … select``, and signups beside the backfill.

    PYTHONPATH=tests/support python benchmarks/backfill.py [ghosts]

A million ghosts unless told, with random ids. Each figure is from a copy of one database, and the
two ways to fill take turns. In the end somebody signs up without a pause, first with nothing
beside it and then while the backfill is at work; told are the longest wait and the 99th
percentile. The server is one of our own, with fsync off.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable

from packs import Pack, chain

from pytest_usersync.database import Clones
from pytest_usersync.server import Server, ServerRequest, start

ROUNDS = 3
ALONE = 300
GHOSTS = """
    set session_replication_role = replica;
    insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)
    select
        gen_random_uuid(), 'authenticated', 'authenticated', 'ghost' || n || '@example.com',
        now(), now() - n * interval '1 second', now()
    from generate_series(1, {ghosts}) as n;
    reset session_replication_role;
"""
BARE = """
    insert into public.users (id, email, email_verified, created_at, updated_at, deleted_at)
    select
        au.id,
        case when au.deleted_at is null then au.email end,
        au.deleted_at is null and au.email_confirmed_at is not null,
        coalesce(au.created_at, now()),
        now(),
        au.deleted_at
    from auth.users as au
    where not exists (select from public.users as pu where pu.id = au.id)
"""
OURS = "call public.backfill_ghost_users()"


def main(ghosts: int) -> None:
    """Print the figures."""
    with (
        start(ServerRequest()) as running,
        chain(running.server) as head,
        Clones(running.server) as clones,
    ):
        base = clones.take(head)
        with Pack(running.server, base) as pack:
            pack.do(GHOSTS.format(ghosts=ghosts))
            pack.do("vacuum analyze auth.users")
        compare(running.server, clones, base, ghosts)
        beside(running.server, clones, base)


def compare(server: Server, clones: Clones, base: str, ghosts: int) -> None:
    """Print what filling takes in each way, and the ratio of the fastest rounds."""
    took: dict[str, list[float]] = {BARE: [], OURS: []}
    for number in range(ROUNDS):
        for text in sorted(took, reverse=bool(number % 2)):
            name = clones.take(base)
            with Pack(server, name) as pack:
                pack.do("checkpoint")
                took[text].append(seconds(lambda pack=pack, text=text: pack.rows(text)))
                assert pack.value("select count(*) from public.users") == ghosts
            clones.drop(name)
    bare, ours = (min(took[text]) for text in (BARE, OURS))
    print(f"{ghosts:,} ghosts, fastest of {ROUNDS}")
    print(f"bare insert … select  {bare:8.2f} s   all rounds {shown(took[BARE])}")
    print(f"the pack's backfill   {ours:8.2f} s   all rounds {shown(took[OURS])}")
    print(f"ratio                 {ours / bare:8.2f}", flush=True)


def beside(server: Server, clones: Clones, base: str) -> None:
    """Print how long signups take alone, and beside the backfill."""
    with Pack(server, clones.take(base)) as pack:
        alone = [
            seconds(lambda n=n: pack.auth.sign_up(f"alone{n}@example.com")) for n in range(ALONE)
        ]
        waits: list[float] = []
        done = threading.Event()
        filling = threading.Thread(target=lambda: (pack.rows(OURS), done.set()))
        filling.start()
        while not done.is_set() and filling.is_alive():
            address = f"beside{len(waits)}@example.com"
            waits.append(seconds(lambda address=address: pack.auth.sign_up(address)))
        filling.join()
        left = pack.value(
            "select count(*) from auth.users as u"
            " where not exists (select from public.users as p where p.id = u.id)"
        )
        batches = sum("Batch" in text for _, text in pack.notices)
    print(
        f"a signup alone        median {middle(alone)}, p99 {late(alone)}, longest {worst(alone)}"
    )
    print(
        f"beside the backfill   median {middle(waits)}, p99 {late(waits)}, longest {worst(waits)}"
    )
    print(f"{len(waits)} signups beside {batches} batches; {left} ghosts left")


def seconds(act: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def shown(figures: list[float]) -> str:
    """Return figures in seconds."""
    return ", ".join(f"{figure:.2f}" for figure in figures)


def middle(figures: list[float]) -> str:
    """Return the median in milliseconds."""
    return f"{statistics.median(figures) * 1000:.1f} ms"


def late(figures: list[float]) -> str:
    """Return the 99th percentile in milliseconds."""
    return f"{sorted(figures)[len(figures) * 99 // 100] * 1000:.1f} ms"


def worst(figures: list[float]) -> str:
    """Return the longest in milliseconds."""
    return f"{max(figures) * 1000:.1f} ms"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
