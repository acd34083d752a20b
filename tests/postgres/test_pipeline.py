from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import ExecStatus

from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import Connection, connect
from pytest_usersync.postgres.pipeline import Pipeline, next_result, pipelined, query, send
from pytest_usersync.postgres.prepared import PreparedStatements, array, table

SENT = {"Parse", "Bind", "Execute", "Sync", "ReadyForQuery"}


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with connect(server, "postgres") as opened:
        yield opened


def traced(connection: Connection, path: Path, plans: PreparedStatements, *texts: str) -> list[str]:
    with path.open("w") as file:
        connection.pgconn.trace(file.fileno())
        plans.ask(*map(query, texts))
        connection.pgconn.untrace()
    seen = [line.split("\t")[3] for line in path.read_text().splitlines()]
    return [kind for kind in seen if kind in SENT]


def test_an_error_belongs_to_the_statement_that_caused_it(connection: Connection) -> None:
    pipeline = Pipeline(connection)
    texts = ["select 1 as one", "select 1 / %s::int4 as none", "select 3 as three"]
    packed = [pipeline.pack(text, [0] * text.count("%s")) for text in texts]

    with pytest.raises(psycopg.errors.DivisionByZero):
        pipeline.exchange(packed)

    assert pipeline.found == [[{"one": 1}]]
    assert connection.execute("select 4 as four").fetchall() == [{"four": 4}]


def test_what_is_sent_together_is_one_transaction(connection: Connection) -> None:
    made, failed = send(connection, [query("create table public.t ()"), query("select nope")])

    assert made.status == ExecStatus.COMMAND_OK
    assert failed.status == ExecStatus.FATAL_ERROR
    assert connection.execute("select pg_catalog.to_regclass('public.t') as t").fetchall() == [
        {"t": None}
    ]


def test_a_statement_is_prepared_in_the_trip_that_needs_it(
    connection: Connection, tmp_path: Path
) -> None:
    plans = PreparedStatements(connection)

    first = traced(connection, tmp_path / "first", plans, "select 1", "select 1")
    second = traced(connection, tmp_path / "second", plans, "select 1", "select 2")

    end = ["Sync", "ReadyForQuery"]
    assert first == ["Parse", "Bind", "Execute", "Bind", "Execute", *end]
    assert second == ["Bind", "Execute", "Parse", "Bind", "Execute", *end]


def test_a_statement_that_cannot_be_prepared_fails_in_its_place(connection: Connection) -> None:
    plans = PreparedStatements(connection)

    results = plans.send_together([query("select 1"), query("select nope"), query("select 2")])

    assert [result.status for result in results] == [ExecStatus.TUPLES_OK, ExecStatus.FATAL_ERROR]
    assert table(plans.ask(query("select 2"))[0]) == [("2",)]


def test_a_plan_that_somebody_deallocates_is_made_anew(connection: Connection) -> None:
    plans = PreparedStatements(connection)
    plans.ask(query("select 1"))
    connection.execute("deallocate all")

    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        plans.ask(query("select 1"))

    assert table(plans.ask(query("select 1"))[0]) == [("1",)]


def test_rows_that_nobody_keeps_take_no_memory(connection: Connection) -> None:
    with pipelined(connection) as pgconn:
        query("select pg_catalog.generate_series(1, 100000)").send(pgconn)
        pgconn.pipeline_sync()
        result = connection.wait(next_result(pgconn, rows=False))
        end = connection.wait(next_result(pgconn))

    assert (result.status, result.ntuples) == (ExecStatus.TUPLES_OK, 0)
    assert end.status == ExecStatus.PIPELINE_SYNC


@pytest.mark.parametrize("text", ["plain", 'a "quoted" word', "back\\slash", "a,b", ""])
def test_an_array_keeps_its_items(connection: Connection, text: str) -> None:
    asked = query("select one from pg_catalog.unnest($1::text[]) as one", array([text, "end"]))
    assert table(PreparedStatements(connection).ask(asked)[0]) == [(text,), ("end",)]
