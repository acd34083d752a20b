"""What cannot be played is told in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest

from pytest_usersync.interleaving import Race
from pytest_usersync.interleaving.drawn_schedules import schedules
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.model.errors import UserSyncError
from pytest_usersync.postgres import database
from pytest_usersync.postgres.database import Connection
from pytest_usersync.runner.check import Subject

SLEEP = "select pg_sleep(60)"


def told(act: Callable[[], object]) -> str:
    with pytest.raises(UserSyncError) as error:
        act()
    text = str(error.value)
    assert "\n" not in text
    assert re.fullmatch(r".+\. .+\.", text), "what was given, and what to do"
    return text


@pytest.fixture
def pair(race: Race) -> Race:
    race.session("ada", "select 1", "select 2")
    race.session("bob", "select 3")
    return race


def test_a_name_that_nobody_has(pair: Race) -> None:
    assert told(lambda: pair.run("ada carl")) == ("No session is named 'carl'. Use ada, bob.")


def test_an_empty_schedule(pair: Race) -> None:
    assert told(lambda: pair.run("")).startswith("The schedule is empty. Name the sessions")
    assert told(lambda: pair.run([])).startswith("The schedule is empty.")


def test_a_race_without_sessions(race: Race) -> None:
    assert told(race.explore) == "The race has no session. Add one or two sessions."


def test_sessions_that_cannot_be(pair: Race) -> None:
    assert told(lambda: pair.session("ada", "select 1")).startswith("Two sessions are named 'ada'.")
    assert told(lambda: pair.session("eve")).startswith("eve has no steps.")
    assert told(lambda: pair.session("a b", "select 1")).startswith(
        "A session cannot be named 'a b'"
    )
    chaos = told(lambda: pair.session("eve", "select 1", isolation="chaos"))
    assert chaos.startswith("isolation='chaos' is unknown. Use one of read committed, ")
    assert told(lambda: pair.session("eve", "select 1", cut="up")).startswith(
        "cut='up' is unknown."
    )


def test_a_role_that_nobody_has(race: Race) -> None:
    race.session("ada", "select 1", role="nobody")
    assert told(lambda: race.run("ada")).startswith("No session can use the role 'nobody': ")


def test_pauses_that_cannot_be(race: Race) -> None:
    assert told(lambda: race.pause("public.notes", on="look")).startswith(
        "A session cannot pause on 'look'."
    )
    race.pause("public.nowhere")
    race.session("ada", "select 1")
    assert told(lambda: race.run("ada")).startswith("There is no table public.nowhere.")


def test_nobody_to_draw() -> None:
    assert told(schedules).startswith("No session is named.")


def test_a_step_that_never_returns(new_race: RaceFactory, loaded: Subject) -> None:
    race = new_race(patience=0.3)
    race.session("ada", "select 1", SLEEP)
    race.session("bob", "select 1")
    assert told(lambda: race.run("ada ada bob")) == (
        "ada does not return from step 2, 'select pg_sleep(60)' within 0.3 s."
        " Make the step end, or increase the patience of the race."
    )
    assert asleep(loaded) == 0
    race.sessions.clear()
    race.session("ada", "select 1")
    assert race.run("ada").seen["ada"][0].rows == (("1",),)


def asleep(loaded: Subject) -> int:
    query = (
        "select from pg_stat_activity where wait_event = 'PgSleep' or"
        " (datname like 'usersync_race%' and state in ('active', 'idle in transaction')"
        " and pid <> pg_backend_pid())"
    )
    with database.connect(loaded.server, "postgres") as connection:
        for _ in range(100):
            if not (count := connection.execute(query).rowcount):
                return 0
            time.sleep(0.01)
        return count


def test_code_that_never_returns(new_race: RaceFactory) -> None:
    race = new_race(patience=0.3)
    gate = threading.Event()

    def stuck(db: Connection) -> None:
        db.execute("select 1")
        gate.wait(5)

    race.session("ada", stuck)
    assert told(lambda: race.run("ada")).startswith("ada does not return from step 1, 'select 1'")
    gate.set()


def test_a_session_that_dies(race: Race, loaded: Subject) -> None:
    def die(db: Connection) -> None:
        db.execute("select 1")
        with database.connect(loaded.server, "postgres") as admin:
            admin.execute("select pg_terminate_backend(%s)", [db.info.backend_pid])
        db.execute("select 2")

    race.session("ada", die)
    race.session("bob", "select 1")
    assert told(lambda: race.run("ada ada bob")) == (
        "The session of ada ended at step 2, 'select 2'. A step must not end its session."
    )


def test_more_sessions_than_connections(new_race: RaceFactory, loaded: Subject) -> None:
    race = new_race()
    open_: list[psycopg.Connection[object]] = []
    race.session("ada", "select 1")
    race.run("ada")
    for number in range(3):
        race.session(f"more{number}", "select 1", role="service_role")
    try:
        with suppress(psycopg.OperationalError):
            while True:
                open_.append(psycopg.connect(database.conninfo(loaded.server, "postgres")))
        assert "refuses another session" in told(lambda: race.run("ada"))
    finally:
        for connection in open_:
            connection.close()
    assert race.run("ada").errors == {}


def test_a_schedule_that_is_interrupted_leaves_nobody(race: Race, loaded: Subject) -> None:
    race.session("ada", "begin", "insert into public.notes values ('ada')", "commit")
    race.session("bob", "select pg_advisory_lock(8)", "select 1")

    class Interrupted(BaseException):
        pass

    def interrupt(db: Connection) -> None:
        raise Interrupted

    race.invariant(interrupt)
    with pytest.raises(Interrupted):
        race.run("ada bob ada")
    race.invariants.clear()
    assert asleep(loaded) == 0
    assert race.run("bob ada").errors == {}


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_the_middle_leaves_nobody(
    race: Race, loaded: Subject, heeds_ctrl_c: None
) -> None:
    race.session("ada", "begin", "update public.accounts set amount = 1 where id = 1", "commit")
    race.session("bob", "update public.accounts set amount = 2 where id = 1")
    race.session("eve", "select 1", SLEEP)
    thread = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        race.run("ada ada bob eve eve ada")
    thread.join()
    assert asleep(loaded) == 0
    del race.sessions["eve"]
    assert race.run("ada bob ada bob").errors == {}


def test_what_is_different_each_time_is_told(race: Race) -> None:
    count = iter(range(100))

    def fickle(db: Connection) -> None:
        if next(count) % 2 == 0:
            db.execute("select amount from public.accounts")
            db.execute("update public.accounts set amount = 1")

    race.session("ada", fickle)
    race.session("bob", "update public.accounts set amount = 2", "select 1")
    assert "Only the schedule may decide" in told(race.explore)
