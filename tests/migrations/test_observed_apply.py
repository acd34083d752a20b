"""An observer sees each statement of a file from within the file's own transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_usersync.migrations import Migration, Project
from pytest_usersync.migrations.applier import Applier
from pytest_usersync.migrations.load import open_applier
from pytest_usersync.migrations.observed_apply import (
    Observation,
    StatementObserver,
    apply_observed,
)
from pytest_usersync.postgres import Server, database

TABLES = """
    select pg_catalog.count(*) as number, null as nothing
    from pg_catalog.pg_class
    where relnamespace = 'public'::pg_catalog.regnamespace and relkind = 'r'
"""
VERSIONS = "select version from supabase_migrations.schema_migrations order by version"

Observe = Callable[..., Observation | None]


@pytest.fixture
def applier(server: Server, write: Callable[..., Project]) -> Iterator[Applier]:
    with open_applier(server, write("select 1;"), "observed") as applier:
        applier.apply()
        yield applier


@pytest.fixture
def observe(applier: Applier) -> Observe:
    """Return a function that applies a text as the next file."""

    def observe(text: str, *, tries: int = 4, **given: object) -> Observation | None:
        migration = Migration(applier.project.root / "2_next.sql", "2", "next", text)
        observer = StatementObserver(**given)  # type: ignore[arg-type]
        return apply_observed(applier, migration, migration.statements, observer, tries=tries)

    return observe


def texts(seen: Observation | None) -> list[str]:
    assert seen
    return [one.text for one in seen.statements]


def test_the_question_is_asked_in_the_transaction_of_the_file(observe: Observe) -> None:
    seen = observe("create table a (); select 1; create table b ();", question=TABLES)
    assert seen
    assert seen.answers == (("1", ""), ("1", ""), ("2", ""))
    assert seen.whole


def test_what_the_file_rolls_back_was_seen(observe: Observe) -> None:
    seen = observe("begin; create table a (); rollback; select 1;", question=TABLES)
    assert seen
    assert [number for number, _ in seen.answers] == ["0", "1", "0", "0"]


def test_others_act_between_the_statements_and_before_the_commit(
    observe: Observe, applier: Applier
) -> None:
    seen: list[tuple[int, int]] = []

    def count(done: int) -> None:
        with database.connect(applier.server, applier.name) as other:
            row = other.execute(VERSIONS).fetchall()
        seen.append((done, len(row)))

    assert observe("create table a (); create table b ();", between=count)
    assert seen == [(0, 1), (1, 1), (2, 1)]
    assert len(applier.session.connection.execute(VERSIONS).fetchall()) == 2


def test_the_observer_is_called_while_a_statement_waits(observe: Observe, applier: Applier) -> None:
    with database.connect(applier.server, applier.name) as other:
        other.execute("create table public.held ()")
        other.execute("begin; lock table public.held")
        assert observe("drop table public.held;", waiting=lambda: other.execute("commit"))


def test_a_refused_statement_is_left_out(observe: Observe, applier: Applier) -> None:
    seen = observe("create table a (); select nope; create table b ();", question=TABLES)
    assert texts(seen) == ["create table a ()", "create table b ()"]
    assert seen
    assert not seen.whole
    assert len(applier.session.connection.execute(VERSIONS).fetchall()) == 2


@pytest.mark.parametrize(
    ("text", "tries"),
    [
        ("create table a (); select nope;", 1),
        ("select a; select b; select c; select d;", 4),
        ("create table a (i int unique initially deferred); insert into a values (1), (1);", 4),
    ],
    ids=["once", "too many", "commit"],
)
def test_of_a_refused_file_nothing_is_done(
    observe: Observe, applier: Applier, text: str, tries: int
) -> None:
    assert observe(text, tries=tries) is None
    assert applier.session.is_idle()
    row = applier.session.connection.execute(TABLES.encode()).fetchone()
    assert row
    assert row["number"] == 0


def test_a_statement_that_breaks_the_connection_is_left_out(observe: Observe) -> None:
    dies = "select pg_terminate_backend(pg_backend_pid());"
    seen = observe(f"create table a (); {dies} create table b ();", question=TABLES)
    assert texts(seen) == ["create table a ()", "create table b ()"]
