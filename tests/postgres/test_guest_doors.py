"""What stands between a run and a server: connection poolers, and logins without a password."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from hosts import Host, hosted

from pytest_usersync.interleaving import races
from pytest_usersync.model.errors import ServerError
from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import ServerRequest, database, os_account, start
from pytest_usersync.runner import subject


@pytest.fixture(scope="module")
def host(wanted: ServerRequest) -> Iterator[Host]:
    with hosted(wanted, "sesame") as host:
        yield host


@pytest.fixture(params=["session", "transaction"])
def pooled(request: pytest.FixtureRequest, host: Host) -> Iterator[str]:
    """Return the address of a PgBouncer before the server."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if not program:
        pytest.skip("pgbouncer is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with ExitStack() as exits:
        # pytest's own folders are closed to the account that runs it.
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="pool-")))
        (folder / "users").write_text('"postgres" "sesame"\n')
        (folder / "ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={host.port}\n[pgbouncer]\n"
            f"listen_port = {port}\nlisten_addr = 127.0.0.1\nauth_type = plain\n"
            f"unix_socket_dir =\nauth_file = {folder}/users\npool_mode = {request.param}\n"
        )
        folder.chmod(0o755)
        identity = os_account.account().identity()
        pool = exits.enter_context(subprocess.Popen([program, "-q", folder / "ini"], **identity))
        exits.callback(pool.kill)
        dsn = f"postgresql://postgres:sesame@127.0.0.1:{port}/"
        for _ in range(200):
            with suppress(psycopg.OperationalError), psycopg.connect(f"{dsn}postgres"):
                break
            time.sleep(0.05)
        yield dsn


def test_a_connection_pooler_is_told_apart_in_one_line(pooled: str, host: Host) -> None:
    before = host.state()
    with pytest.raises(ServerError) as raised:
        start(ServerRequest(dsn=pooled))
    assert "A connection pooler, such as PgBouncer, answers at host=127.0.0.1 port=" in str(
        raised.value
    )
    assert "Name the address of PostgreSQL itself" in str(raised.value)
    assert host.state() == before


@pytest.mark.matrix
def test_a_server_that_takes_no_password_is_told_with_an_address_that_would_do(
    wanted: ServerRequest, write_project: object, pytester: pytest.Pytester
) -> None:
    with hosted(wanted) as host:
        rules = Path(str(host.run("show hba_file")[0][0]))
        rules.write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 ident\n")
        host.run("select pg_reload_conf()")
        before = host.state()
        write_project("select 1")  # type: ignore[operator]
        result = pytester.runpytest_subprocess("--usersync", f"--usersync-dsn={host.dsn}")
        assert host.state() == before
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines if line.strip()]
    assert len(lines) == 1
    assert "refuses the login usersync_postgres, which the run has created" in lines[0]
    assert "Ident authentication failed" in lines[0]
    assert lines[0].endswith(
        "Name an address for which pg_hba.conf asks for a password (scram-sha-256), such as "
        "host=127.0.0.1."
    )


def test_a_password_that_is_wanted_and_not_given_is_told(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    with pytest.raises(ServerError) as raised:
        start(ServerRequest(dsn=f"postgresql://postgres@127.0.0.1:{host.port}/"))
    assert str(raised.value) == (
        f"The PostgreSQL at host=127.0.0.1 port={host.port} needs a password, but none is given. "
        "Give it in USERSYNC_DSN, PGPASSWORD or .pgpass."
    )


def test_a_role_that_is_not_there_is_an_error_of_postgresql(host: Host) -> None:
    with (
        start(ServerRequest(dsn=host.dsn)) as running,
        pytest.raises(psycopg.Error, match='role "nobody_here" does not exist'),
    ):
        database.connect(running.server, "postgres", "nobody_here")


def test_a_login_of_a_run_has_the_settings_of_its_role(host: Host) -> None:
    host.run(
        "create role theirs",
        "alter role theirs set log_statement = 'none'",
        'alter role theirs set search_path = app, "two words"',
        "alter role theirs in database postgres set work_mem = '2MB'",
    )
    with start(ServerRequest(dsn=host.dsn)) as running:
        for _ in range(2):
            with database.connect(running.server, "postgres", "theirs") as connection:
                connection.execute("set work_mem = '9MB'")
                connection.execute("reset all")
                found = connection.execute(
                    "select current_user::text as me, current_setting('work_mem') as memory,"
                    " current_setting('search_path') as path,"
                    " current_setting('log_statement') as log"
                ).fetchone()
                assert found == {
                    "me": "theirs", "memory": "2MB", "path": 'app, "two words"', "log": "none",
                }  # fmt: skip
    host.run("drop role theirs")


ESCAPE = """
create table public.seen (whose text, who text, super boolean);
grant all on public.seen to public;
create function public.look(name text) returns void language plpgsql as $$
begin
    insert into public.seen
    select name, rolname, rolsuper from pg_roles where rolname = current_user;
    reset session authorization;
    set role none;
    insert into public.seen
    select name, rolname, rolsuper from pg_roles where rolname = session_user;
    reset role;
end
$$;
"""


def test_what_a_project_runs_finds_no_way_back_to_the_superuser(host: Host, tmp_path: Path) -> None:
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    migration = tmp_path / "supabase" / "migrations" / "20260101000000_look.sql"
    migration.write_text(ESCAPE + "select public.look('migration');\n")
    (tmp_path / "usersync_looking.py").write_text(
        "import psycopg\n"
        "def look(dsn):\n"
        "    with psycopg.connect(dsn) as connection:\n"
        "        connection.execute(\"select public.look('hook')\")\n"
    )
    settings = Settings(dsn=host.dsn, setup=("usersync_looking:look",))
    project = subject.find(settings, tmp_path)
    with subject.prepare(settings, project) as (prepared, _):
        assert not prepared.load_failures
        with races(prepared) as new:
            for role in (
                "postgres",
                "anon",
                "authenticated",
                "authenticator",
                "supabase_auth_admin",
            ):
                race = new()
                race.session("ada", f"select public.look('{role}')", role=role)
                race.session("bob", "select 1")
                for outcome in race.outcomes():
                    rows = [one.now for one in outcome.changes if one.table == "public.seen"]
                    assert [row["super"] for row in rows if row] == [False, False]
        with database.connect(prepared.server, prepared.database) as superuser:
            seen = superuser.execute("select whose, super from public.seen").fetchall()
    found = {(row["whose"], row["super"]) for row in seen}
    assert found == {("migration", False), ("hook", False)}
