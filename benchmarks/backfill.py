"""Measure the pack's backfill beside a bare ``insert … select``, and signups beside the backfill.

    PYTHONPATH=tests/support python benchmarks/backfill.py [ghosts]

A million ghosts unless told, with random ids. Each figure is from a copy of one database, and the
two ways to fill take turns; where the machine has other work too, the processor's time says more
than the clock. In the end somebody signs up without a pause, first with nothing beside it and then
while the backfill is at work; told are the longest wait and the 99th percentile, beside what one
batch takes. The server is one of our own, with fsync off.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from packs import Pack, chain

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.clones import Clones

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
    took: dict[str, list[tuple[float, float]]] = {BARE: [], OURS: []}
    for number in range(ROUNDS):
        for text in sorted(took, reverse=bool(number % 2)):
            name = clones.take(base)
            with Pack(server, name) as pack:
                pack.do("checkpoint")
                before = processor(pack)
                clock = seconds(lambda pack=pack, text=text: pack.rows(text))
                took[text].append((clock, processor(pack) - before))
                assert pack.value("select count(*) from public.users") == ghosts
            clones.drop(name)
    print(f"{ghosts:,} ghosts, fastest of {ROUNDS}")
    for place, kind in enumerate(("by the clock", "of the processor")):
        bare, ours = ([one[place] for one in took[text]] for text in (BARE, OURS))
        print(f"{kind}: bare insert … select {min(bare):.2f} s ({shown(bare)});", end=" ")
        print(f"the pack's backfill {min(ours):.2f} s ({shown(ours)});", end=" ")
        print(f"ratio {min(ours) / min(bare):.2f}" if min(bare) else "not told here", flush=True)


def beside(server: Server, clones: Clones, base: str) -> None:
    """Print how long signups take alone, and beside the backfill."""
    with Pack(server, clones.take(base)) as pack:
        alone = [
            seconds(lambda n=n: pack.auth.sign_up(f"alone{n}@example.com")) for n in range(ALONE)
        ]
        waits: list[float] = []
        ends: list[float] = []
        pack.owner.add_notice_handler(lambda _: ends.append(time.perf_counter()))
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
        batches = [after - before for before, after in pairwise(ends)]
    print(
        f"a signup alone        median {middle(alone)}, p99 {late(alone)}, longest {worst(alone)}"
    )
    print(
        f"beside the backfill   median {middle(waits)}, p99 {late(waits)}, longest {worst(waits)}"
    )
    print(
        f"a batch beside them   median {middle(batches)}, p99 {late(batches)},"
        f" longest {worst(batches)}"
    )
    print(f"{len(waits)} signups beside {len(batches)} batches; {left} ghosts left")


def seconds(act: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def processor(pack: Pack) -> float:
    """Return what the owner's session has had of the processor; nothing where no one tells."""
    told = Path(f"/proc/{pack.owner.info.backend_pid}/stat")
    if not told.exists():
        return 0.0
    words = told.read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


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
