"""``usersync_load`` lets a function of the project run migrations that are no SQL files."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_usersync.database import Clones
from pytest_usersync.errors import ConfigurationError
from pytest_usersync.project import Loaded, find, load
from pytest_usersync.project.hook import dsn
from pytest_usersync.server import Server

Dropped = Callable[[Loaded], Loaded]
Rows = Callable[[str, str], list[dict[str, object]]]

MODULE = """
import time

import psycopg


def migrate(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("create table made ()")


def fail(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("select nope")


def wrap(dsn):
    try:
        fail(dsn)
    except psycopg.Error as error:
        raise RuntimeError("it went wrong") from error


def raises(dsn):
    raise LookupError("no such revision")


def hang(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("select pg_sleep(60)")


def sleep(dsn):
    while True:
        try:
            time.sleep(3600)
        except Exception:
            pass


def wait_for_itself(dsn):
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as other:
        one.execute("create table made ()")
        other.execute("create table made ()")


def ask_again_and_again(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(38):
            connection.execute("select pg_sleep(0.1)")


kept = []


def keep(dsn):
    kept.append(psycopg.connect(dsn))
    kept[-1].execute("create table made ()")
    kept[-1].commit()
    kept[-1].execute("lock table made")


number = 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "usersync_test_hooks.py").write_text(MODULE)
    yield tmp_path
    sys.modules.pop("usersync_test_hooks", None)


@pytest.fixture
def called(
    project: Path, server: Server, template: str, dropped: Dropped
) -> Callable[[str], Loaded]:
    """Return a function that loads the project with one of its hooks."""

    def called(name: str, limit: float = 60) -> Loaded:
        found = find(project, hook=f"usersync_test_hooks:{name}")
        return dropped(load(server, template, found, limit=limit))

    return called


def test_a_hook_makes_what_it_likes_as_the_role_that_runs_migrations(
    called: Callable[[str], Loaded], rows: Rows
) -> None:
    result = called("migrate")

    assert result.failures == ()
    query = "select pg_get_userbyid(relowner) as owner from pg_class where relname = 'made'"
    assert rows(result.database, query) == [{"owner": "postgres"}]


def test_a_hook_comes_after_the_migrations_and_before_what_is_made_by_hand(
    project: Path, server: Server, template: str, dropped: Dropped, rows: Rows
) -> None:
    folder = project / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "1_a.sql").write_text("create table earlier ();")
    (project / "setup.sql").write_text("alter table made add column i int;")
    found = find(project, setup=[Path("setup.sql")], hook="usersync_test_hooks:migrate")

    assert dropped(load(server, template, found)).failures == ()


@pytest.mark.parametrize("name", ["fail", "wrap"])
def test_an_error_of_the_database_is_told_with_the_line_of_the_project(
    called: Callable[[str], Loaded], name: str
) -> None:
    (failed,) = called(name).failures

    assert failed.failure.sqlstate == "42703"
    assert failed.failure.message == 'column "nope" does not exist'
    place = failed.failure.location
    assert place is not None
    assert place.file == "usersync_test_hooks.py"
    expected = 'connection.execute("select nope")' if name == "fail" else "raise RuntimeError"
    assert expected in place.source


def test_another_error_is_told_in_its_words(called: Callable[[str], Loaded]) -> None:
    (failed,) = called("raises").failures

    assert failed.failure.message == "LookupError: no such revision"
    assert failed.migration.role == "hook"


def test_a_hook_that_waits_for_ever_is_ended(called: Callable[..., Loaded]) -> None:
    begin = time.monotonic()

    (failed,) = called("hang", limit=0.5).failures

    assert time.monotonic() - begin < 10
    assert failed.failure.message == "still running after 0.5 s, so it was cancelled"


def test_a_hook_that_waits_for_a_session_of_its_own_is_ended(
    called: Callable[..., Loaded],
) -> None:
    (failed,) = called("wait_for_itself", limit=0.5).failures

    assert failed.failure.message == "still running after 0.5 s, so it was cancelled"
    assert failed.failure.location is not None
    assert failed.failure.location.source == 'other.execute("create table made ()")'


def test_a_hook_that_never_returns_is_interrupted_where_it_is(
    called: Callable[..., Loaded],
) -> None:
    begin = time.monotonic()

    (failed,) = called("sleep", limit=0.2).failures

    assert time.monotonic() - begin < 10
    assert failed.failure.message == "still running after 0.2 s, so it was interrupted"
    assert failed.failure.location is not None
    assert failed.failure.location.source == "time.sleep(3600)"


def test_a_hook_that_is_long_at_work_is_left_alone(called: Callable[..., Loaded]) -> None:
    assert called("ask_again_and_again", limit=0.5).failures == ()


def test_a_session_that_a_hook_leaves_open_is_in_nobodys_way(
    called: Callable[..., Loaded], server: Server
) -> None:
    loaded = called("keep")

    assert loaded.failures == ()
    with Clones(server) as clones:
        clones.take(loaded.database)
    sys.modules["usersync_test_hooks"].kept[0].close()


@pytest.mark.parametrize("name", ["missing", "number"])
def test_a_hook_that_is_no_function_is_a_mistake_in_the_configuration(
    called: Callable[[str], Loaded], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"usersync_load names usersync_test_hooks:{name}"):
        called(name)


def test_on_a_server_of_somebody_else_the_address_takes_the_role(
    server: Server, template: str
) -> None:
    theirs = replace(server, own=False)

    with psycopg.connect(dsn(theirs, template)) as connection:
        found = connection.execute("select current_user, current_setting('search_path')")
        assert found.fetchone() == ("postgres", '"\\$user", public, extensions')
