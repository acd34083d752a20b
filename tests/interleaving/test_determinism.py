"""A race comes out the same each time, however busy the machine is.

``USERSYNC_WHOLE_MATRIX=1`` repeats each fifty times, and every check of races, too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from acts import SCENARIOS, Act, code_of, pairs, sandboxes, staged
from matrix import WHOLE

from pytest_usersync.auth import SupabaseAuth
from pytest_usersync.checks import registry
from pytest_usersync.interleaving import Outcome, Race, races
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import connect
from pytest_usersync.runner import subject
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.verdict import Verdict

REPETITIONS = 50 if WHOLE else 2
RC = "read committed"
RaceSetup = Callable[[Race], None]
CHECKS = [name for name in SCENARIOS if code_of(name).startswith("US3")]
# What is another one in each run: ids, people, times.
_ANOTHER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|ada\.\d+|edited_\d+")
_LEFT = """
select 'session' as kind, datname::text as name from pg_catalog.pg_stat_activity
where datname is not null and pid <> pg_catalog.pg_backend_pid()
union all
select 'lock', objid::text from pg_catalog.pg_locks where locktype = 'advisory'
order by 1, 2
"""
_OURS = """
select tgname as name from pg_catalog.pg_trigger where tgname like '%usersync%'
union all
select nspname from pg_catalog.pg_namespace where nspname = 'usersync_race'
order by 1
"""


@pytest.fixture(scope="module")
def busy() -> Iterator[None]:
    """Keep every processor busy."""
    burn = [sys.executable, "-c", "while True: pass"]
    burning = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    yield
    for process in burning:
        process.kill()
        process.wait()


def add(number: int, by: int, table: str = "accounts") -> str:
    return f"update public.{table} set amount = amount + {by} where id = {number}"


def circle(race: Race) -> None:
    race.session("ada", add(1, 1), add(2, 1), isolation=RC)
    race.session("bob", add(2, 2), add(1, 2), isolation=RC)


def queue(race: Race) -> None:
    race.session("ada", add(1, 1), isolation=RC)
    for name in ("bob", "eve"):
        race.session(name, f"update public.accounts set amount = amount * {len(name)} + 1")


def sign_up(auth: SupabaseAuth) -> None:
    auth.sign_up("kim@example.com")


def signups(race: Race) -> None:
    race.auth("ada", sign_up)
    race.auth("bob", sign_up)
    race.pause("public.profiles")


def one_by_one(race: Race) -> None:
    """Let two wait for what only one of them can have at a time."""
    lock = "select pg_catalog.pg_advisory_xact_lock(7)"
    race.session("ada", lock, isolation=RC)
    for number, name in enumerate(("bob", "eve"), 2):
        text = f"update public.accounts set amount = amount * {number} where id = 1"
        race.session(name, lock, text, isolation=RC)


@pytest.mark.parametrize("cast", [circle, queue, signups])
def test_a_race_is_the_same_each_time(new_race: RaceFactory, busy: None, cast: RaceSetup) -> None:
    assert len(outcomes(new_race, cast)) == 1


@pytest.mark.parametrize("cast", [circle, signups, one_by_one])
def test_two_sessions_do_the_same_each_time_on_a_server_by_dsn(
    by_dsn: RaceFactory, busy: None, cast: RaceSetup
) -> None:
    assert len(outcomes(by_dsn, cast)) == 1


def outcomes(new: RaceFactory, cast: RaceSetup) -> set[str]:
    told = set()
    for _ in range(REPETITIONS):
        race = new()
        cast(race)
        told.add(str([_essence(one) for one in race.outcomes(serializable=True, bound=8)]))
    return told


@pytest.fixture(scope="module")
def by_dsn(loaded: Subject) -> Iterator[RaceFactory]:
    """Return what makes races on a server that is not ours."""
    settings = Settings(dsn=loaded.server.conninfo)
    with subject.prepare(settings, loaded.project) as (guest, _), races(guest) as new:
        yield new


@pytest.mark.parametrize("name", CHECKS if WHOLE else ["collision_race", "install_window"])
def test_a_check_of_races_finds_the_same_each_time(
    server: Server, tmp_path: Path, busy: None, name: str
) -> None:
    design = pairs(SCENARIOS[name])[0].broken
    with staged(server, design, tmp_path) as subject:
        before = _left(server)
        told = {str(_judged(subject, name, design)) for _ in range(REPETITIONS)}
        assert _left(server) == before
        with closing(connect(server, subject.database)) as superuser:
            assert superuser.execute(_OURS).fetchall() == []
    assert len(told) == 1, "\n".join(told)
    assert "'broken'" in told.pop()


def _judged(subject: Subject, name: str, design: Act) -> list[object]:
    """Judge the cases that speak, on a database of their own."""
    check = registry.find(name.replace("_", "-"))
    cases = [case for case in check.cases or ("",) if case in design.cases or not design.cases]
    with sandboxes(subject) as made:
        return [_told(made.judge(check, case)) for case in cases]


def _told(verdict: Verdict) -> object:
    """Return what was found, with the schedule, without what is another each time."""
    return (
        *(verdict.case, verdict.outcome.value, verdict.reason),
        [
            (
                _ANOTHER.sub("", one.summary),
                one.failure and (one.failure.sqlstate, one.failure.message),
                [line for line in one.sql.splitlines() if line.startswith("-- ")],
                str(one.location),
            )
            for one in verdict.findings
        ],
    )


def _left(server: Server) -> list[object]:
    """Return the sessions and locks that are there once those are gone who go."""
    with closing(connect(server, "postgres")) as superuser:
        for _ in range(1000):
            found = [tuple(row.values()) for row in superuser.execute(_LEFT)]
            if not found:
                break
        return list(found)


def _essence(outcome: Outcome) -> object:
    """Return what came of a schedule, without the times in it."""
    return (
        outcome.anomaly,
        outcome.order,
        outcome.aborted,
        [
            (
                *(one.session, one.number, one.label, one.waits, one.waits_for, one.paused_at),
                *((name, number, told.count, told.error) for name, number, told in one.told),
            )
            for one in outcome.events
        ],
        [(one.table, one.session) for one in outcome.changes],
    )
