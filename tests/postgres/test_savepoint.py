from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from pytest_usersync.postgres import Server, savepoint
from pytest_usersync.postgres.database import Connection, connect


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    """Return a connection in a transaction that has a table with one row."""
    with closing(connect(server, "postgres")) as connection:
        connection.execute("begin; create temporary table numbers as select 1 as number")
        yield connection


def numbers(connection: Connection) -> list[int]:
    found = connection.execute("select n.number from pg_temp.numbers as n order by n.number")
    return [row["number"] for row in found]


def test_each_query_of_a_script_has_its_rows(connection: Connection) -> None:
    text = "select 1 as a; insert into numbers values (2); select 2 as b where false"
    assert savepoint.run(connection, text) == [[{"a": 1}], []]
    assert numbers(connection) == [1, 2]


def test_what_is_undone_still_returns_its_rows(connection: Connection) -> None:
    text = "insert into numbers values (2); select count(*) as all from numbers"
    assert savepoint.run_undone(connection, text) == [[{"all": 2}]]
    script = f"{savepoint.undone(text)}; insert into numbers values (3)"
    assert savepoint.run(connection, script) == [[{"all": 2}]]
    assert numbers(connection) == [1, 3]


@pytest.mark.parametrize("refused", ["select 1 / 0", "this is no sql"])
def test_a_transaction_goes_on_after_a_refusal(connection: Connection, refused: str) -> None:
    with pytest.raises(psycopg.Error):
        savepoint.run(connection, f"insert into numbers values (2); {refused}")
    with pytest.raises(psycopg.errors.DivisionByZero):
        savepoint.run_undone(connection, "insert into numbers values (2); select 1 / 0")
    assert numbers(connection) == [1]


def test_the_error_of_a_lost_session_is_its_own(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.AdminShutdown):
        savepoint.run(connection, "select pg_terminate_backend(pg_backend_pid())")
    assert connection.closed
