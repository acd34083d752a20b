"""A cause is told whatever PostgreSQL says, and in whatever language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from pytest_usersync.diagnosis import causes
from pytest_usersync.model.finding import ClientView, Failure
from pytest_usersync.model.sync import Sync, SyncTrigger
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.catalog import Query, asking

SAVING = ClientView(500, "unexpected_failure", "Database error saving new user")
LOADING = ClientView(500, "unexpected_failure", "Database error loading user after sign-up")


@pytest.fixture
def query(server: Server, fresh_database: Callable[[], str]) -> Iterator[Query]:
    with closing(database.connect(server, fresh_database())) as connection:
        yield asking(connection)


@pytest.mark.parametrize(
    "sqlstate",
    [
        *("42501", "42P01", "42883", "42704", "42703", "42P10", "23502", "23503", "23505"),
        *("23514", "22P02", "22001", "57014", "P0001", "40P01", "XX000"),
    ],
)
def test_a_message_in_another_language_still_has_a_cause_and_a_remedy(
    query: Query, sqlstate: str
) -> None:
    failure = Failure(sqlstate, "Da stimmt etwas nicht", context="Funktion f()")
    told = causes.diagnose(failure, Sync(), SAVING, query)
    assert told.cause
    assert told.remedy
    assert '""' not in told.cause + told.remedy


def test_a_user_who_is_gone_is_blamed_on_the_triggers_that_run_before(query: Query) -> None:
    before = SyncTrigger("early", "BEFORE INSERT", "public.f", enabled=True, source="")
    after = SyncTrigger("late", "AFTER INSERT", "public.g", enabled=True, source="")
    told = causes.diagnose(None, Sync(triggers=(before, after)), LOADING, query)
    assert "early (public.f)" in told.cause
    assert "late" not in told.cause


def test_a_refusal_without_an_error_is_told_as_the_client_hears_it(query: Query) -> None:
    told = causes.diagnose(None, Sync(), SAVING, query)
    assert str(SAVING) in told.cause


def test_a_slow_trigger_is_told_from_a_wrong_one(query: Query) -> None:
    failure = Failure("57014", "canceling statement due to user request")
    told = causes.diagnose(failure, Sync(), None, query)
    assert "longer than the statement timeout allows" in told.cause
