"""A backfill that is killed loses nothing and doubles nothing: the next run completes it.

``kill -9`` ends all processes of a server, which is not the machine: what was written to a file
stays in the kernel's memory. So the server writes as in production (fsync, full pages, a commit
that waits for its log), and what it told to be committed must be there afterwards.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from clusters import PROCESSES, Cluster
from matrix import WHOLE
from packs import Pack, chain
from psycopg import OperationalError
from psycopg.errors import Diagnostic

from pytest_usersync.postgres import ServerRequest
from pytest_usersync.postgres.clones import Clones

pytestmark = pytest.mark.skipif(
    not PROCESSES.joinpath("self", "stat").exists(), reason="processes are found in /proc"
)
POINTS = range(20 if WHOLE else 3)
GHOSTS, SIZE = 3000, 50
BACKFILL = f"call public.backfill_ghost_users({SIZE})"
SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_parallel_workers": "0",
}
WRITTEN = """
    select id, email, email_verified, created_at, deleted_at, first_name
    from public.users
    order by id
"""
# what the ghosts are to become, and the profile that was there
MODEL = """
    select
        id, email::varchar, email_confirmed_at is not null as email_verified, created_at,
        deleted_at, case when email = 'ada@example.com' then 'Ada' end as first_name
    from auth.users
    order by id
"""
JOBS = """
    select status, records_affected, error_message
    from public.cleanup_audit_log
    order by created_at, id
"""
Strike = Callable[[], None]


@pytest.fixture(scope="module")
def cluster(wanted: ServerRequest) -> Iterator[Cluster]:
    with Cluster(wanted.binaries, SAFE) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def prepared(cluster: Cluster) -> Iterator[str]:
    """Return a database with ghosts, and one user whose profile was edited."""
    with chain(cluster.server) as name:
        with Pack(cluster.server, name) as pack:
            pack.auth.sign_up("ada@example.com")
            pack.rows("update public.users set first_name = 'Ada'")
            pack.ghosts(GHOSTS)
            pack.rows("delete from public.cleanup_audit_log")
        yield name


@pytest.fixture(scope="module")
def pace(cluster: Cluster, prepared: str) -> float:
    """Return how many seconds a batch takes when nobody disturbs."""
    times: list[float] = []
    with Clones(cluster.server) as clones, Pack(cluster.server, clones.take(prepared)) as pack:
        pack.owner.add_notice_handler(lambda _: times.append(time.perf_counter()))
        pack.rows(BACKFILL)
    return min(after - before for before, after in pairwise(times))


@pytest.fixture
def copy(cluster: Cluster, prepared: str) -> Iterator[str]:
    with Clones(cluster.server) as clones:
        yield clones.take(prepared)


def struck(pack: Pack, seed: int, pace: float, strike: Strike) -> int:
    """Strike at a random point of a backfill; return how many were told to be filled by then."""
    chance = random.Random(seed)
    number = chance.randrange(1, GHOSTS // SIZE // 2)
    later = chance.uniform(0, 2 * pace)

    def heard(said: Diagnostic) -> None:
        if (said.message_primary or "").startswith(f"Batch {number}:"):
            time.sleep(later)
            strike()

    pack.owner.add_notice_handler(heard)
    with pytest.raises(OperationalError):
        pack.rows(BACKFILL)
    # the last batch that was told of was about to be committed
    return (number - 1) * SIZE


def completed(pack: Pack, told: int) -> None:
    """See that what was told is there, and that the next run completes it truthfully."""
    filled = pack.value("select count(*) - 1 from public.users")
    assert told <= filled < GHOSTS
    assert filled % SIZE == 0, "a batch is there as a whole, or not at all"
    running = {"status": "running", "records_affected": filled, "error_message": None}
    assert pack.rows(JOBS) == [running]
    pack.rows(BACKFILL)
    assert pack.rows(WRITTEN) == pack.rows(MODEL)
    assert pack.rows(JOBS) == [
        {**running, "status": "failed", "error_message": "interrupted"},
        {**running, "status": "completed", "records_affected": GHOSTS - filled},
    ]
    assert pack.value("select count(*) from pg_locks where locktype = 'advisory'") == 0


@pytest.mark.parametrize("seed", POINTS)
def test_a_backfill_whose_server_is_killed(
    cluster: Cluster, copy: str, pace: float, seed: int
) -> None:
    with Pack(cluster.server, copy) as pack:
        processes = cluster.processes()
        assert pack.owner.info.backend_pid in processes
        told = struck(pack, seed, pace, lambda: cluster.kill(processes))
    cluster.recover()
    with Pack(cluster.server, copy) as pack:
        completed(pack, told)


@pytest.mark.parametrize("seed", POINTS)
def test_a_backfill_whose_session_is_terminated(
    cluster: Cluster, copy: str, pace: float, seed: int
) -> None:
    with Pack(cluster.server, copy) as pack:
        backend = pack.owner.info.backend_pid
        end = "select pg_terminate_backend(%s, 60000)"
        told = struck(pack, seed, pace, lambda: pack.superuser.execute(end, [backend]) and None)
    with Pack(cluster.server, copy) as pack:
        completed(pack, told)
