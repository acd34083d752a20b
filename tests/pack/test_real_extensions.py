"""The head on a server that has pg_cron and plpgsql_check, not their stand-ins.

Debian and Ubuntu have both as packages (``postgresql-15-cron``, ``postgresql-15-plpgsql-check``,
or of another major version); ``.ci/run`` installs them where it may.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from clusters import Cluster
from packs import MIGRATIONS, ROOT, Pack, Row, chain

from pytest_usersync.postgres import locate
from pytest_usersync.postgres.clones import Clones

SCHEDULED = "20260203000013"
BEFORE = "20260203000012"
JOB = "record-user-sync-metrics"
EXTENSIONS = ("pg_cron", "plpgsql_check")
SECONDS = 30
# What runs a job is the server's own, with no login from outside.
PRELOADED = {"shared_preload_libraries": "pg_cron", "cron.use_background_workers": "on"}
CHECKED = """
    select
        p.proname as name,
        found.level,
        found.message
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_language as l
            on l.oid = p.prolang
        cross join lateral plpgsql_check_function_tb(
            p.oid,
            case when p.prorettype = 'trigger'::regtype then 'auth.users'::regclass else 0 end,
            fatal_errors => false,
            other_warnings => true,
            extra_warnings => true,
            performance_warnings => true,
            security_warnings => true
        ) as found
    where
        p.pronamespace = 'public'::regnamespace
        and l.lanname = 'plpgsql'
    order by
        p.proname,
        found.lineno
"""
WRONG = """
    create function public.wrong() returns bigint language plpgsql
        as $$ begin return (select count(*) from public.nowhere); end; $$
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a server whose installation has the extensions."""
    for binaries in locate.survey()[0]:
        libraries = binaries.folder.parent / "lib"
        if all((libraries / f"{name}.so").exists() for name in EXTENSIONS):
            with Cluster(binaries.folder, PRELOADED) as cluster:
                yield cluster
            return
    pytest.skip(f"no PostgreSQL here has {' and '.join(EXTENSIONS)}")


@pytest.fixture
def unscheduled(cluster: Cluster) -> Iterator[Pack]:
    """Return the pack without its last migration, in the one database in which pg_cron works."""
    with chain(cluster.server, BEFORE) as name:
        with Pack(cluster.server, name) as pack:
            pack.do(f"alter system set cron.database_name = '{name}'")
        cluster.restart()
        with Pack(cluster.server, name) as pack:
            yield pack


def until(pack: Pack, query: str) -> list[Row]:
    """Return the rows of a query once there are some."""
    late = time.monotonic() + SECONDS
    while not (found := pack.rows(query)):
        assert time.monotonic() < late, "nothing yet"
        time.sleep(0.05)
    return found


def test_the_daily_job_stands_in_cron_and_runs(cluster: Cluster, unscheduled: Pack) -> None:
    pack = unscheduled
    (migration,) = MIGRATIONS.glob(f"{SCHEDULED}_*.sql")
    for _ in range(2):  # it can be applied again
        assert pack.play(migration.read_text(encoding="utf-8")) is None
    (job,) = pack.rows("select jobname, schedule, database, active, command from cron.job")
    told = {"jobname": JOB, "schedule": "0 2 * * *", "database": pack.name, "active": True}
    assert {name: job[name] for name in told} == told
    assert pack.value("show timezone") == "UTC"
    pack.ghosts(2)
    # the same command, once as soon as the scheduler is up
    pack.rows("select cron.schedule('at once', '@reboot', %s)", job["command"])
    cluster.restart()
    with Pack(cluster.server, pack.name) as pack:
        ended = "select * from cron.job_run_details where status not in ('starting', 'running')"
        (run,) = until(pack, ended)
        assert (run["status"], run["database"]) == ("succeeded", pack.name), run
        assert (run["command"], run["username"]) == (job["command"], pack.owner.info.user)
        (written,) = pack.rows("select * from public.user_sync_monitoring_log")
        assert (written["sync_status"], written["ghost_users_count"]) == ("critical", 2)
        assert written["checked_at"] <= run["end_time"]


def test_the_rollback_takes_the_job(cluster: Cluster, unscheduled: Pack) -> None:
    pack = unscheduled
    (migration,) = MIGRATIONS.glob(f"{SCHEDULED}_*.sql")
    assert pack.play(migration.read_text(encoding="utf-8")) is None
    assert pack.play((ROOT / "sql" / "rollback.sql").read_text(encoding="utf-8")) is None
    assert pack.rows("select from cron.job") == []


def test_plpgsql_check_has_nothing_to_say_of_any_function(cluster: Cluster) -> None:
    with (
        chain(cluster.server) as name,
        Clones(cluster.server) as clones,
        Pack(cluster.server, clones.take(name)) as pack,
    ):
        pack.do("create extension plpgsql_check with schema pg_catalog")
        assert pack.superuser.execute(CHECKED).fetchall() == []
        pack.do(WRONG)
        assert {row["name"] for row in pack.superuser.execute(CHECKED)} == {"wrong"}
