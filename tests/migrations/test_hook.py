"""``usersync_load`` lets a function of the project run migrations that are no SQL files."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_usersync.migrations import LoadedProject, find, load
from pytest_usersync.migrations.hook import dsn
from pytest_usersync.model.errors import ConfigurationError
from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.clones import Clones

Dropped = Callable[[LoadedProject], LoadedProject]
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
) -> Callable[[str], LoadedProject]:
    """Return a function that loads the project with one of its hooks."""

    def called(name: str, limit: float = 60) -> LoadedProject:
        found = find(project, hook=f"usersync_test_hooks:{name}")
        return dropped(load(server, template, found, limit=limit))

    return called


def test_a_hook_runs_as_the_role_that_runs_migrations(
    called: Callable[[str], LoadedProject], rows: Rows
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
def test_a_database_error_is_reported_with_the_line_of_the_project(
    called: Callable[[str], LoadedProject], name: str
) -> None:
    (failed,) = called(name).failures

    assert failed.failure.sqlstate == "42703"
    assert failed.failure.message == 'column "nope" does not exist'
    place = failed.failure.location
    assert place is not None
    assert place.file == "usersync_test_hooks.py"
    expected = 'connection.execute("select nope")' if name == "fail" else "raise RuntimeError"
    assert expected in place.source


def test_another_error_is_reported_in_its_own_words(called: Callable[[str], LoadedProject]) -> None:
    (failed,) = called("raises").failures

    assert failed.failure.message == "LookupError: no such revision"
    assert failed.migration.role == "hook"


def test_a_hook_that_waits_for_ever_is_ended(called: Callable[..., LoadedProject]) -> None:
    begin = time.monotonic()

    (failed,) = called("hang", limit=0.5).failures

    assert time.monotonic() - begin < 10
    assert failed.failure.message == "still running after 0.5 s, so it was cancelled"


def test_a_hook_that_waits_for_a_session_of_its_own_is_ended(
    called: Callable[..., LoadedProject],
) -> None:
    (failed,) = called("wait_for_itself", limit=0.5).failures

    assert failed.failure.message == "still running after 0.5 s, so it was cancelled"
    assert failed.failure.location is not None
    assert failed.failure.location.source == 'other.execute("create table made ()")'


def test_a_hook_that_never_returns_is_interrupted_where_it_is(
    called: Callable[..., LoadedProject],
) -> None:
    begin = time.monotonic()

    (failed,) = called("sleep", limit=0.2).failures

    assert time.monotonic() - begin < 10
    assert failed.failure.message == "still running after 0.2 s, so it was interrupted"
    assert failed.failure.location is not None
    assert failed.failure.location.source == "time.sleep(3600)"


def test_a_hook_that_keeps_working_is_not_interrupted(called: Callable[..., LoadedProject]) -> None:
    assert called("ask_again_and_again", limit=0.5).failures == ()


def test_a_session_that_a_hook_leaves_open_blocks_nothing(
    called: Callable[..., LoadedProject], server: Server
) -> None:
    loaded = called("keep")

    assert loaded.failures == ()
    with Clones(server) as clones:
        clones.take(loaded.database)
    sys.modules["usersync_test_hooks"].kept[0].close()


@pytest.mark.parametrize("name", ["missing", "number"])
def test_a_hook_that_is_no_function_is_a_mistake_in_the_configuration(
    called: Callable[[str], LoadedProject], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"usersync_load names usersync_test_hooks:{name}"):
        called(name)


def test_on_an_external_server_the_dsn_sets_the_role(server: Server, template: str) -> None:
    with (
        start(ServerRequest(dsn=server.conninfo)) as running,
        psycopg.connect(dsn(running.server, template)) as connection,
    ):
        found = connection.execute("select current_user, current_setting('search_path')")
        assert found.fetchone() == ("postgres", '"\\$user", public, extensions')


UNCLOSED = """
import psycopg

kept = []


def idle(dsn):
    for _ in range(2):
        kept.append(psycopg.connect(dsn, autocommit=True))
        kept[-1].execute("create table if not exists made ()")


def unfinished(dsn):
    kept.append(psycopg.connect(dsn, application_name="tool"))
    kept[-1].execute("create table made ()")


def busy(dsn):
    import threading

    def work():
        with psycopg.connect(dsn) as connection:
            try:
                connection.execute("select pg_sleep(60)")
            except psycopg.Error:
                pass

    threading.Thread(target=work, daemon=True).start()
    while True:
        with psycopg.connect(dsn) as connection:
            query = "select from pg_stat_activity where query like '%pg_sleep(60)'"
            if connection.execute(query).fetchall():
                return


def pool(dsn):
    import threading

    def work():
        while True:
            try:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    connection.execute("select 1")
                    threading.Event().wait(0.2)
                    connection.execute("select 1")
            except psycopg.Error:
                pass

    threading.Thread(target=work, daemon=True).start()
    psycopg.connect(dsn).close()
    threading.Event().wait(0.1)
"""


@pytest.fixture
def unclosed(
    tmp_path: Path, server: Server, template: str, dropped: Dropped
) -> Iterator[Callable[[str], LoadedProject]]:
    """Return a function that loads a project whose hook closes nothing."""
    (tmp_path / "usersync_test_unclosed.py").write_text(UNCLOSED)

    def unclosed(name: str) -> LoadedProject:
        found = find(tmp_path, hook=f"usersync_test_unclosed:{name}")
        return dropped(load(server, template, found))

    yield unclosed
    for connection in sys.modules.pop("usersync_test_unclosed").kept:
        connection.close()


def test_an_idle_session_of_a_hook_is_ended_and_reported(
    unclosed: Callable[[str], LoadedProject], server: Server, rows: Rows
) -> None:
    result = unclosed("idle")

    told = "usersync_test_unclosed:idle leaves a session open, which was ended: idle, last query"
    assert not result.failures
    assert [line.startswith(told) for line in result.unclosed] == [True, True]
    with Clones(server) as clones:
        found = rows(clones.take(result.database), "select from pg_class where relname = 'made'")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("name", "line", "does"),
    [
        ("unfinished", 13, 'idle in transaction, last query "create table made ()" (tool)'),
        ("busy", 18, 'active, last query "select pg_sleep(60)"'),
    ],
)
def test_an_open_transaction_of_a_hook_is_a_failure(
    unclosed: Callable[[str], LoadedProject], server: Server, name: str, line: int, does: str
) -> None:
    result = unclosed(name)

    (failed,) = result.failures
    assert str(failed) == (
        f"usersync_test_unclosed.py:{line}: usersync_test_unclosed:{name} leaves a session open,"
        f" which was ended: {does}"
    )
    with Clones(server) as clones:
        assert clones.take(result.database)


def test_a_pool_that_reconnects_does_not_prevent_cloning(
    unclosed: Callable[[str], LoadedProject], server: Server
) -> None:
    result = unclosed("pool")

    with Clones(server) as clones:
        assert len({clones.take(result.database) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def migrate(dsn:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import usersync_no_such_module", "No module named 'usersync_no_such_module'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_reported_in_one_line(
    tmp_path: Path, server: Server, template: str, text: str, told: str
) -> None:
    (tmp_path / "usersync_test_broken.py").write_text(text)
    found = find(tmp_path, hook="usersync_test_broken:migrate")
    with pytest.raises(ConfigurationError) as refused:
        load(server, template, found)
    said = "usersync_load names usersync_test_broken:migrate, which cannot be imported: "
    assert str(refused.value).startswith(said + told)


def test_a_hook_that_exits_is_a_failure(
    tmp_path: Path, server: Server, template: str, dropped: Dropped
) -> None:
    text = "import sys\n\n\ndef migrate(dsn):\n    sys.exit('no database')\n"
    (tmp_path / "usersync_test_exit.py").write_text(text)
    result = dropped(load(server, template, find(tmp_path, hook="usersync_test_exit:migrate")))
    (failed,) = result.failures
    assert str(failed) == "usersync_test_exit.py:5: SystemExit: no database"
