"""The SQL of a race's finding, in as many sessions as it says, shows what the finding says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from acts import SCENARIOS, code_of, judged, pairs, staged

from pytest_usersync.model.finding import Finding
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection, connect
from pytest_usersync.runner.check import Subject

TOLD = [
    "collision_race",
    "same_user_race",
    "deadlock",
    "backfill_backfill_race",
    "lost_edit_race",
    "signup_delete_race",
    "install_window",
]
_WAITS = "select wait_event_type = 'Lock' as waits from pg_catalog.pg_stat_activity where pid = %s"


@pytest.mark.parametrize(
    ("name", "number"),
    [*((name, 0) for name in TOLD), ("install_window", 4), ("install_window", 5)],
)
def test_the_sql_of_a_finding_shows_the_race(
    server: Server, tmp_path: Path, name: str, number: int
) -> None:
    code = code_of(name)
    with staged(server, pairs(SCENARIOS[name])[number].broken, tmp_path) as subject:
        found = [one for verdict in judged(subject, code) for one in verdict.findings]
        assert found
        for one in found:
            told, rows = typed(subject, one)
            assert told == ({one.failure.sqlstate} if one.failure else set()), one.sql
            assert rows or one.failure, one.sql


def typed(subject: Subject, finding: Finding) -> tuple[set[str], list[object]]:
    """Type a finding's SQL into psql sessions, each going on as soon as the others wait.

    Return what they were told: the SQLSTATEs of their errors, and what the last query gave.
    """
    with ExitStack() as exits:
        database = exits.enter_context(Clones(subject.server)).take(subject.database)
        pool = exits.enter_context(ThreadPoolExecutor(3))
        sessions = {
            number: exits.enter_context(closing(connect(subject.server, database)))
            for number in (1, 2, 3)
        }
        control = exits.enter_context(closing(connect(subject.server, database)))
        under_way: dict[int, Future[list[object]]] = {}
        for number, text in blocks(finding.sql):
            if number in under_way:
                under_way[number].exception(timeout=10)
            under_way[number] = pool.submit(run, sessions[number], text)
            settle(control, sessions, under_way)
        wait(under_way.values(), timeout=10)
        raised = [one.exception(timeout=0) for one in under_way.values()]
        assert all(isinstance(one, psycopg.Error) for one in raised if one), raised
        states = {one.sqlstate or "" for one in raised if isinstance(one, psycopg.Error)}
        return states, under_way[1].result()


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is typed into which session, in order."""
    parts = re.split(r"(?m)^-- session (\d).*\n", text)
    assert not parts[0]
    yield from ((int(number), part) for number, part in zip(parts[1::2], parts[2::2], strict=True))


def run(connection: Connection, text: str) -> list[object]:
    cursor = connection.execute(text.encode())
    while cursor.nextset():
        pass
    return list(cursor.fetchall()) if cursor.description else []


def settle(
    control: Connection,
    sessions: dict[int, Connection],
    under_way: dict[int, Future[list[object]]],
) -> None:
    """Wait until everybody is done, or waits for somebody."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        busy = [number for number, one in under_way.items() if not one.done()]
        pids = [sessions[number].info.backend_pid for number in busy]
        if all(control.execute(_WAITS, [pid]).fetchall()[0]["waits"] for pid in pids):
            return
        time.sleep(0.01)
    raise TimeoutError("nobody waits, and nobody is done")
