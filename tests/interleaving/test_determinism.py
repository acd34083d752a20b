"""A race comes out the same each time, however busy the machine is.

``USERSYNC_REPETITIONS=50`` for more than a suite has time for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_usersync.auth import SupabaseAuth
from pytest_usersync.interleaving import Outcome, Race
from pytest_usersync.interleaving.race import New

REPETITIONS = int(os.environ.get("USERSYNC_REPETITIONS", "2"))
RC = "read committed"


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


@pytest.mark.parametrize("cast", [circle, queue, signups])
def test_a_race_is_the_same_each_time(new_race: New, busy: None, cast: object) -> None:
    told = set()
    for _ in range(REPETITIONS):
        race = new_race()
        assert callable(cast)
        cast(race)
        told.add(str([_essence(one) for one in race.outcomes(serializable=True, bound=8)]))
    assert len(told) == 1


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
