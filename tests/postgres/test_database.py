from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.clones_ahead import ClonesAhead
from pytest_usersync.postgres.database import clone, connect, drop, fresh_name, psql_line

MakeRole = Callable[..., str]
MakeDatabase = Callable[[], str]


@pytest.fixture
def foreign(server: Server) -> Server:
    """Return the same server as one reached by DSN would be."""
    return replace(server, own=False)


@pytest.fixture
def role(server: Server) -> Iterator[MakeRole]:
    """Return a function that makes a role with settings, each the tail of an ``alter role``."""
    made: list[sql.Identifier] = []

    def make(attributes: str = "login", settings: Sequence[str] = ()) -> str:
        name = fresh_name("role")
        made.append(sql.Identifier(name))
        with connect(server, "postgres") as connection:
            connection.execute(f"create role {name} {attributes}")
            for setting in settings:
                connection.execute(f"alter role {name} {setting}")
        return name

    yield make
    with connect(server, "postgres") as connection:
        for name in made:
            connection.execute(sql.SQL("drop owned by {}").format(name))
            connection.execute(sql.SQL("drop role {}").format(name))


def ask(connection: psycopg.Connection[dict[str, object]], query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row
    return next(iter(row.values()))


def databases(server: Server) -> set[object]:
    with connect(server, "postgres") as connection:
        return {row["datname"] for row in connection.execute("select datname from pg_database")}


def test_rows_come_with_the_names_of_their_columns(server: Server) -> None:
    with connect(server, "postgres") as connection:
        assert connection.autocommit
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}


def test_transactions_can_be_kept_open(server: Server, role: MakeRole) -> None:
    for who in (None, role("login"), role("nologin")):
        with connect(server, "postgres", who, autocommit=False) as connection:
            connection.execute("select 1")
            status = connection.info.transaction_status
            assert status is psycopg.pq.TransactionStatus.INTRANS


def test_on_an_own_server_a_role_logs_in(server: Server, role: MakeRole) -> None:
    name = role("login", ["set statement_timeout = '7s'"])
    with connect(server, "postgres", name) as connection:
        connection.execute("reset session authorization")
        assert ask(connection, "select session_user") == name
        assert ask(connection, "show statement_timeout") == "7s"


def test_a_role_that_may_not_log_in_can_be_taken_all_the_same(
    server: Server, role: MakeRole
) -> None:
    name = role("nologin", ["set statement_timeout = '3s'"])
    with connect(server, "postgres", name) as connection:
        assert ask(connection, "select session_user") == name
        assert ask(connection, "show statement_timeout") == "3s"
        assert ask(connection, "select rolsuper from pg_roles where rolname = current_user") is (
            False
        )


def test_a_role_that_does_not_exist_is_an_error_everywhere(server: Server, foreign: Server) -> None:
    with pytest.raises(psycopg.Error, match='role "nobody_here" does not exist'):
        connect(server, "postgres", "nobody_here")
    with pytest.raises(psycopg.Error, match='role "nobody_here" does not exist'):
        connect(foreign, "postgres", "nobody_here")


SETTINGS = {
    "search_path": ('set search_path = app, "two words", public', 'app, "two words", public'),
    "application_name": ("set application_name = 'it''s a \\ name'", "it's a \\ name"),
    "app.settings.key": ("set app.settings.key = 'a=b c'", "a=b c"),
    "statement_timeout": ("set statement_timeout = '4s'", "4s"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_taken_role_has_the_settings_of_a_login(
    server: Server, foreign: Server, role: MakeRole, name: str
) -> None:
    change, expected = SETTINGS[name]
    who = role("login", [change])
    for where in (server, foreign):
        with connect(where, "postgres", who) as connection:
            assert ask(connection, "select session_user") == who
            assert ask(connection, f"show {name}") == expected


def test_a_reset_in_a_migration_comes_back_to_the_settings_of_the_role(
    foreign: Server, role: MakeRole
) -> None:
    name = role("login", ["set search_path = app, public"])
    with connect(foreign, "postgres", name) as connection:
        connection.execute("set search_path = ''")
        connection.execute("reset all")
        assert ask(connection, "show search_path") == "app, public"
        assert ask(connection, "select session_user") == name


def test_settings_of_the_role_in_one_database_come_before_all_others(
    server: Server, foreign: Server, role: MakeRole, fresh_database: MakeDatabase
) -> None:
    database, other = fresh_database(), fresh_database()
    name = role(
        "login",
        ["set work_mem = '1MB'", f"in database {database} set work_mem = '2MB'"],
    )
    with connect(server, "postgres") as connection:
        connection.execute(f"alter database {database} set work_mem = '3MB'")
        connection.execute(f"alter database {database} set statement_timeout = '5s'")
    for where in (server, foreign):
        with connect(where, database, name) as connection:
            assert ask(connection, "show work_mem") == "2MB"
            assert ask(connection, "show statement_timeout") == "5s"
        with connect(where, other, name) as connection:
            assert ask(connection, "show work_mem") == "1MB"


def test_settings_of_the_superuser_do_not_reach_a_taken_role(
    server: Server, foreign: Server, role: MakeRole
) -> None:
    superuser = role("login superuser", ["set search_path = secret", "set work_mem = '9MB'"])
    login = replace(foreign, conninfo=server.conninfo.replace("supabase_admin", superuser))
    name = role("login")
    with connect(login, "postgres") as connection:
        assert ask(connection, "show work_mem") == "9MB"
    with connect(login, "postgres", name) as connection:
        assert ask(connection, "show search_path") == '"$user", public'
        assert ask(connection, "show work_mem") == "4MB"


def test_a_clone_has_what_the_template_has(server: Server, fresh_database: MakeDatabase) -> None:
    template = fresh_database()
    with connect(server, template) as connection:
        connection.execute("create table public.thing as select 42 as answer")
    name = fresh_name("clone")
    clone(server, template, name)
    try:
        with connect(server, name) as connection:
            assert ask(connection, "select answer from public.thing") == 42
    finally:
        drop(server, name)


def test_a_clone_has_the_owner_and_the_settings_of_the_template(
    server: Server, role: MakeRole, fresh_database: MakeDatabase
) -> None:
    template, owner = fresh_database(), role()
    with connect(server, "postgres") as connection:
        connection.execute(f"alter database {template} owner to {owner}")
        connection.execute(f'alter database {template} set search_path = app, "$user"')
        connection.execute(f"alter role {owner} in database {template} set work_mem = '6MB'")
    with Clones(server) as clones:
        name = clones.take(template)
        with connect(server, name, owner) as connection:
            assert ask(connection, "show search_path") == 'app, "$user"'
            assert ask(connection, "show work_mem") == "6MB"
            connection.execute("create schema owned")


def test_a_template_that_is_missing_is_named(server: Server) -> None:
    with pytest.raises(psycopg.errors.InvalidCatalogName, match="usersync_nowhere"):
        clone(server, "usersync_nowhere", fresh_name("clone"))


def test_odd_names_are_quoted(server: Server) -> None:
    name = 'usersync_"odd" näme'
    clone(server, "template1", name)
    assert name in databases(server)
    drop(server, name)
    assert name not in databases(server)


def test_a_drop_ends_the_sessions_that_are_still_there(server: Server) -> None:
    name = fresh_name("busy")
    clone(server, "template1", name)
    with connect(server, name) as connection:
        drop(server, name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    assert name not in databases(server)
    drop(server, name)


def test_a_database_of_somebody_else_is_never_dropped_whatever_its_name(server: Server) -> None:
    clone(server, "template1", "usersync_theirs")
    with start(ServerRequest(dsn=server.conninfo)) as running:
        for name in ("postgres", "usersync_theirs"):
            with pytest.raises(ValueError, match=f"{name} has no mark of this run"):
                drop(running.server, name)
    assert {"postgres", "usersync_theirs"} <= databases(server)
    drop(server, "usersync_theirs")


def test_clones_are_dropped_at_the_end(server: Server) -> None:
    with Clones(server) as clones:
        names = {clones.take("template1"), clones.take("template1")}
        assert len(names) == 2
        assert names <= databases(server)
    assert not names & databases(server)


def test_a_clone_can_be_kept_for_a_look(server: Server) -> None:
    with Clones(server) as clones:
        name = clones.take("template1", "race")
        clones.leave(name)
    assert name in databases(server)
    drop(server, name)


def test_a_clone_made_ahead_is_handed_out_once(server: Server) -> None:
    with ClonesAhead(server) as clones:
        first, second = clones.take("template1"), clones.take("template1")
        clones.drop(first)
        clones.renew()
        third = clones.take("template1")
        clones.leave(third)
        assert len({first, second, third}) == 3
        assert {second, third} <= databases(server)
    assert {first, second, third} & databases(server) == {third}
    assert not clones.names
    drop(server, third)


def test_a_clone_that_failed_is_no_obstacle_to_dropping_the_rest(server: Server) -> None:
    with Clones(server) as clones:
        name = clones.take("template1")
        with pytest.raises(psycopg.errors.InvalidCatalogName):
            clones.take("usersync_nowhere")
    assert name not in databases(server)


def test_names_fit_postgresql_and_do_not_repeat() -> None:
    names = [fresh_name("Signup with a very long kind: <&> and more of it") for _ in range(100)]
    assert len(set(names)) == 100
    assert all(len(name) < 63 for name in names)
    assert all(name.startswith("usersync_signup_with_a_very") for name in names)
    assert all(name.replace("_", "").isalnum() for name in names)


def test_the_psql_line_opens_the_database(
    server: Server, fresh_database: MakeDatabase, program: Callable[[str], str]
) -> None:
    database = fresh_database()
    line = f"{psql_line(server, database)} --no-psqlrc -At -c 'select current_database()'"
    path = f"{Path(program('psql')).parent}:{os.environ['PATH']}"
    said = subprocess.run(
        ["sh", "-c", line],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == database


def test_without_psql_on_the_path_the_line_names_the_one_beside_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert psql_line(server, "plain").startswith("psql ") is not (
        Path(server.programs, "psql").exists()
    )
    (tmp_path / "psql").touch(mode=0o755)
    assert psql_line(server, "plain").startswith("psql ")


def test_the_psql_line_tells_no_password() -> None:
    server = Server("host=h port=6543 user=me password=hush", 170000, "by DSN", own=False)
    assert psql_line(server, "plain") == "psql 'host=h port=6543 user=me dbname=plain'"
