"""What a finding shows is run as psql runs it: each statement is a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acts import replayed, sound, staged

from pytest_usersync.model.finding import Failure, Finding
from pytest_usersync.postgres import Server
from pytest_usersync.runner.check import Subject

DIVISION = Failure("22012", "division by zero")


@pytest.fixture
def subject(server: Server, tmp_path: Path) -> Iterator[Subject]:
    """Return the plain project."""
    with staged(server, sound("plain"), tmp_path) as subject:
        yield subject


def shows(subject: Subject, sql: str, failure: Failure | None = None) -> bool:
    return replayed(subject, Finding("something", sql, "", failure=failure))


def test_what_is_set_for_a_transaction_is_gone_with_the_statement(subject: Subject) -> None:
    """One transaction for all would run the last statement as anon, who may not."""
    sql = "set local role anon;\nselect count(*) from auth.users;\n"
    assert shows(subject, sql)
    assert not shows(subject, f"begin;\n{sql}")


def test_what_psql_can_run_by_itself_only_is_run(subject: Subject) -> None:
    assert shows(subject, "create index concurrently i on auth.users (phone);\nselect 1;\n")


def test_a_copy_takes_its_data(subject: Subject) -> None:
    table = "create table public.notes (id int);\n"
    copied = "copy public.notes from stdin;\n1\n\\.\n"
    assert shows(subject, f"{table}{copied}select 1 / id from public.notes;\n")
    assert not shows(subject, f"{table}{copied}select 1 / (id - 1) from public.notes;\n")


def test_a_failure_is_to_be_the_one_that_is_told(subject: Subject) -> None:
    assert shows(subject, "select 1 / 0;\n", DIVISION)
    assert not shows(subject, "select 1 / 0;\n")
    assert not shows(subject, "select nowhere;\n", DIVISION)


def test_a_script_ends_with_what_shows_it(subject: Subject) -> None:
    assert not shows(subject, "create table public.notes (id int);\n")
