"""The template database: built once, whoever asks; and how it reads the claims of a request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import MAINTENANCE, Server, ServerRequest, database, start


@pytest.fixture(scope="module")
def seeded(wanted: ServerRequest) -> Iterator[Server]:
    with start(wanted, platform.seed()) as running:
        yield running.server


CLAIMS = (
    '{"sub": "6f1e4c80-0000-4000-8000-000000000001", "role": "authenticated", "email": "a@b.c"}'
)


@pytest.mark.parametrize(
    ("settings", "answers"),
    [
        ({}, (None, None, None, None)),
        ({"request.jwt.claims": "", "request.jwt.claim.sub": ""}, (None, None, None, None)),
        (
            {"request.jwt.claims": CLAIMS},
            (json.loads(CLAIMS)["sub"], "authenticated", "a@b.c", json.loads(CLAIMS)),
        ),
        (
            {"request.jwt.claims": CLAIMS, "request.jwt.claim.role": "anon"},
            (json.loads(CLAIMS)["sub"], "anon", "a@b.c", json.loads(CLAIMS)),
        ),
        (
            {"request.jwt.claims": CLAIMS, "request.jwt.claim": '{"old": true}'},
            (json.loads(CLAIMS)["sub"], "authenticated", "a@b.c", {"old": True}),
        ),
    ],
)
def test_the_claims_of_a_request_are_read_as_measured(
    seeded: Server, settings: dict[str, str], answers: tuple[object, ...]
) -> None:
    with database.connect(seeded, platform.template(seeded)) as connection:
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, false)", [name, value])
        row = connection.execute(
            "select auth.uid()::text as a, auth.role() as b, auth.email() as c, auth.jwt() as d"
        ).fetchone()
    assert tuple((row or {}).values()) == answers


def tables(server: Server, name: str) -> int:
    """Return how many tables ``auth`` has, 23 when all of the platform was built."""
    with database.connect(server, name) as connection:
        row = connection.execute(
            "select count(*) as n from pg_tables where schemaname = 'auth'"
        ).fetchone()
    return int((row or {})["n"])


def test_asking_again_builds_nothing_new(seeded: Server) -> None:
    query = "select oid from pg_database where datname = %s"
    name = platform.template(seeded)
    with database.connect(seeded, MAINTENANCE) as connection:
        before = connection.execute(query, [name]).fetchone()
        assert platform.template(seeded) == name
        assert connection.execute(query, [name]).fetchone() == before
        assert before is not None


def test_processes_that_race_for_the_template_build_it_once(seeded: Server) -> None:
    database.drop(seeded, platform.template(seeded))
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(lambda _: platform.template(seeded), range(4)))
    assert len(names) == 1
    assert tables(seeded, names.pop()) == 23


def test_a_build_that_broke_off_is_started_afresh(seeded: Server) -> None:
    name = platform.template(seeded)
    database.drop(seeded, name)
    with database.connect(seeded, MAINTENANCE) as connection:
        connection.execute(f"create database {name}_draft".encode())
    assert platform.template(seeded) == name
    assert tables(seeded, name) == 23
