"""Suites that have pytest-postgresql keep its fixtures, or lend us its server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from matrix import few
from psycopg.conninfo import conninfo_to_dict

from pytest_usersync.platform import platform
from pytest_usersync.postgres import (
    MAINTENANCE,
    Server,
    ServerRequest,
    database,
    locate,
    os_account,
    start,
)

PLAIN = Path(__file__).parents[1] / "projects" / "plain.sql"

THEIRS = """
from pytest_usersync.postgresql import usersync_auth, usersync_noproc

postgresql_proc = usersync_noproc()
supabase_auth = usersync_auth()
"""

A_SUITE = """
import psycopg
import pytest


def signed_up(connection):
    return connection.execute("select email from public.profiles order by email").fetchall()


@pytest.mark.parametrize("n", range(3))
def test_each_has_a_database_of_its_own(postgresql, supabase_auth, n):
    assert signed_up(postgresql) == []
    supabase_auth.sign_up("ada@example.com")
    assert signed_up(postgresql) == [("ada@example.com",)]
    postgresql.execute("update public.profiles set email = 'changed'")
    postgresql.commit()


def test_the_connection_is_the_apps(postgresql):
    role = "select rolname, rolsuper from pg_roles where rolname = current_user"
    assert postgresql.execute(role).fetchone() == ("postgres", False)


def test_what_the_migrations_made_is_the_apps(postgresql):
    postgresql.execute("alter table public.profiles add note text")
    postgresql.execute("create table public.notes (id int)")


@pytest.mark.parametrize("n", range(2))
def test_one_that_is_killed(postgresql, supabase_auth, n):
    supabase_auth.sign_up("ada@example.com")
    with pytest.raises(psycopg.OperationalError):
        postgresql.execute("select pg_terminate_backend(pg_backend_pid())")


def test_one_that_leaves_a_connection(postgresql, postgresql_proc):
    global left
    left = psycopg.connect(
        host=postgresql_proc.host, port=postgresql_proc.port, user=postgresql_proc.user,
        password=postgresql_proc.password, dbname=postgresql.info.dbname,
    )
    left.execute("lock auth.users")


def test_after_it(postgresql):
    assert signed_up(postgresql) == []
    left.close()
"""

OF_OURS = """
import psycopg
import pytest


@pytest.mark.parametrize("n", range(2))
def test_ours_see_what_is_committed(postgresql, supabase_auth, usersync, as_user, n):
    assert type(postgresql) is psycopg.Connection
    user = supabase_auth.sign_up("ada@example.com")
    found = postgresql.execute("select email from public.profiles").fetchall()
    assert found == [("ada@example.com",)]
    postgresql.execute("update public.profiles set full_name = 'Ada'")
    assert usersync.profile(user)["full_name"] is None
    postgresql.commit()
    assert usersync.profile(user)["full_name"] == "Ada"
    with as_user(user) as connection:
        assert connection.execute("select full_name from public.profiles").rowcount == 1
"""

A_TEST = """
def test_it(usersync, supabase_auth):
    usersync.assert_synced(supabase_auth.sign_up("ada@example.com"))
    assert usersync.subject.server.origin == {origin!r}
"""


@pytest.fixture
def suite(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs a suite with this conftest beside a project."""
    write_project(PLAIN.read_text(encoding="utf-8"))

    def run(conftest: str, text: str, *options: str) -> pytest.RunResult:
        pytester.makeconftest(conftest)
        pytester.makepyfile(test_suite=text)
        return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *options)

    return run


def left_on(server: Server) -> list[str]:
    """Return the databases and roles that a plain cluster does not have."""
    with database.connect(server, MAINTENANCE) as connection:
        found = connection.execute(
            """
            select datname as name from pg_database where datname not like 'template_'
            union all
            select rolname from pg_roles where rolname not like 'pg\\_%'
            order by name
            """
        ).fetchall()
    return [row["name"] for row in found]


def by_options(server: Server) -> list[str]:
    """Return the options of pytest-postgresql that name the server."""
    words = conninfo_to_dict(server.conninfo)
    return [f"--postgresql-{word}={words[word]}" for word in ("host", "port", "user")]


@pytest.mark.parametrize(
    "options",
    few(["-p no:randomly", "-p no:xdist", "-n 2"], ["-n 2"]),
    ids=["ordered", "random", "parallel"],
)
def test_their_client_fixture_gets_a_migrated_database_for_each_test(
    suite: Callable[..., pytest.RunResult], options: str
) -> None:
    text = A_SUITE
    if options != "-p no:randomly":
        text = text.replace("    left.close()", "    globals().get('left') and left.close()")
    suite(THEIRS, text, *options.split()).assert_outcomes(passed=9)


@pytest.mark.matrix
def test_it_holds_beside_the_checks(suite: Callable[..., pytest.RunResult]) -> None:
    options = ("--usersync", "--usersync-select=US101", "-p", "no:randomly")
    suite(THEIRS, A_SUITE, *options).assert_outcomes(passed=10)


@pytest.mark.matrix
@pytest.mark.parametrize("there", few([False, True], [True]), ids=["made", "there"])
def test_their_client_fixture_on_a_server_by_dsn_takes_the_role(
    suite: Callable[..., pytest.RunResult], wanted: ServerRequest, *, there: bool
) -> None:
    with start(wanted, platform.seed() if there else None) as running:
        _takes_the_role(suite, running.server)


def _takes_the_role(suite: Callable[..., pytest.RunResult], server: Server) -> None:
    before = left_on(server)
    options = (f"--usersync-dsn={server.conninfo}", "-p", "no:randomly")
    suite(THEIRS, A_SUITE, *options).assert_outcomes(passed=9)
    assert left_on(server) == before


@pytest.mark.matrix
def test_settings_of_the_database_reach_the_copies(
    suite: Callable[..., pytest.RunResult], write_project: Callable[[str], Path]
) -> None:
    setting = "do $$ begin execute format('alter database %I set application_name = %L',"
    setting += r" current_database(), 'gold \ x'); end $$;"
    write_project(PLAIN.read_text(encoding="utf-8") + setting)
    text = "def test_it(postgresql):\n    found = postgresql.execute('show application_name')\n"
    text += r"    assert found.fetchone() == (r'gold \ x',)"
    suite(THEIRS, text).assert_outcomes(passed=1)


@pytest.mark.matrix
def test_factories_with_names_of_their_own_work_too(
    suite: Callable[..., pytest.RunResult],
) -> None:
    conftest = """
        from pytest_postgresql import factories
        from pytest_usersync.postgresql import usersync_noproc

        supabase = usersync_noproc("app")
        one = factories.postgresql("supabase")
        two = factories.postgresql("supabase", dbname="other")
        """
    text = """
        def test_it(one, two):
            assert (one.info.dbname, two.info.dbname) == ("app", "other")
            for client in (one, two):
                assert client.execute("select from public.profiles").rowcount == 0
        """
    suite(conftest, text).assert_outcomes(passed=1)


@pytest.mark.matrix
@pytest.mark.skipif(
    int(version("pytest-postgresql").partition(".")[0]) < 8, reason="depends_on came later"
)
def test_what_the_suite_loads_comes_on_top(suite: Callable[..., pytest.RunResult]) -> None:
    conftest = """
        import psycopg
        from pytest_postgresql import factories
        from pytest_usersync.postgresql import usersync_noproc


        def seed(host, port, user, dbname, password, **_):
            with psycopg.connect(host=host, port=port, user=user, dbname=dbname) as connection:
                connection.execute("create table public.plans as select 'free' as name")

        supabase = usersync_noproc()
        seeded = factories.postgresql_noproc(depends_on="supabase", load=[seed])
        postgresql = factories.postgresql("seeded")
        """
    text = """
        import pytest

        @pytest.mark.parametrize("n", range(2))
        def test_it(postgresql, n):
            assert postgresql.execute("select name from public.plans").fetchall() == [("free",)]
            assert postgresql.execute("select from public.profiles").rowcount == 0
            postgresql.execute("drop table public.plans")
            postgresql.commit()
        """
    suite(conftest, text).assert_outcomes(passed=2)


@pytest.mark.parametrize("by_dsn", few([False, True], [True]), ids=["own", "dsn"])
def test_a_client_fixture_of_ours_sees_what_our_fixtures_see(
    suite: Callable[..., pytest.RunResult], server: Server, *, by_dsn: bool
) -> None:
    conftest = "from pytest_usersync.postgresql import usersync_client\n"
    conftest += "postgresql = usersync_client()\n"
    options = [f"--usersync-dsn={server.conninfo}"] if by_dsn else []
    suite(conftest, OF_OURS, *options).assert_outcomes(passed=2)


@pytest.mark.matrix
def test_a_client_fixture_of_ours_has_the_isolation_level_that_is_asked_for(
    suite: Callable[..., pytest.RunResult],
) -> None:
    conftest = """
        import psycopg
        from pytest_usersync.postgresql import usersync_client

        postgresql = usersync_client(psycopg.IsolationLevel.SERIALIZABLE)
        """
    text = """
        def test_it(postgresql):
            level = postgresql.execute("show transaction_isolation").fetchone()
            assert level == ("serializable",)
        """
    suite(conftest, text).assert_outcomes(passed=1)


LENDING = """
import pytest

@pytest.fixture(scope="session")
def usersync_server({process}):
    return {process}
"""


def origin(server: Server) -> str:
    """Return what a server of theirs is called."""
    words = conninfo_to_dict(server.conninfo)
    number = f"{server.version // 10000}.{server.version % 10000}"
    return f"PostgreSQL {number} by DSN (host={words['host']} port={words['port']})"


@pytest.mark.matrix
@pytest.mark.parametrize("parallel", few([(), ("-n", "2")], [()]), ids=["alone", "parallel"])
def test_their_noproc_server_can_be_ours(
    suite: Callable[..., pytest.RunResult], server: Server, parallel: tuple[str, ...]
) -> None:
    before = left_on(server)
    text = A_TEST.format(origin=origin(server))
    text += text.replace("test_it", "test_two")
    conftest = LENDING.format(process="postgresql_noproc")
    suite(conftest, text, *by_options(server), *parallel).assert_outcomes(passed=2)
    assert left_on(server) == before


@pytest.mark.matrix
def test_a_state_machine_runs_on_the_server_that_is_lent(
    suite: Callable[..., pytest.RunResult], server: Server
) -> None:
    text = f"""
        from hypothesis import settings
        from pytest_usersync.stateful import UserSyncMachine

        TestUsers = UserSyncMachine.TestCase
        TestUsers.settings = settings(max_examples=1, stateful_step_count=2)

        def test_it(usersync):
            assert usersync.subject.server.origin == {origin(server)!r}
        """
    conftest = LENDING.format(process="postgresql_noproc")
    options = (*by_options(server), "-p", "no:randomly")
    suite(conftest, text, *options).assert_outcomes(passed=2)


@pytest.mark.matrix
def test_a_connection_string_can_be_lent_as_well(
    suite: Callable[..., pytest.RunResult], server: Server
) -> None:
    conftest = f"""
        import pytest

        @pytest.fixture(scope="session")
        def usersync_server():
            return {str(server.conninfo)!r}
        """
    suite(conftest, A_TEST.format(origin=origin(server))).assert_outcomes(passed=1)


@pytest.mark.matrix
@pytest.mark.parametrize("parallel", few([(), ("-n", "2")], [()]), ids=["alone", "parallel"])
def test_a_server_may_go_with_the_fixture_that_lends_it(
    suite: Callable[..., pytest.RunResult], parallel: tuple[str, ...]
) -> None:
    conftest = """
        import pytest
        from pytest_usersync.postgres import ServerRequest, start

        @pytest.fixture(scope="session")
        def usersync_server():
            with start(ServerRequest()) as running:
                yield running.server.conninfo
        """
    text = """
        import pytest

        @pytest.mark.parametrize("n", range(2))
        def test_it(usersync, usersync_server, supabase_auth, n):
            folder = usersync_server.partition(" ")[0]
            assert folder in usersync.subject.server.conninfo
            usersync.assert_synced(supabase_auth.sign_up("ada@example.com"))
        """
    result = suite(conftest, text, *parallel)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    assert "Traceback" not in result.stderr.str()


@pytest.mark.matrix
def test_a_server_of_theirs_that_cannot_serve_is_one_clear_line(
    suite: Callable[..., pytest.RunResult],
) -> None:
    conftest = """
        import pytest

        @pytest.fixture(scope="session")
        def usersync_server():
            return "host=127.0.0.1 port=1 user=postgres"
        """
    result = suite(conftest, A_TEST.format(origin=""))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["No PostgreSQL answers at host=127.0.0.1 port=1: *"])


def test_the_checks_use_the_server_of_their_options(
    suite: Callable[..., pytest.RunResult], server: Server
) -> None:
    before = left_on(server)
    options = ("--usersync", "--usersync-dsn=pytest-postgresql", "--usersync-select=US101")
    result = suite("", A_TEST.format(origin=origin(server)), *options, *by_options(server))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"usersync: on {origin(server)}"])
    assert left_on(server) == before


@pytest.mark.matrix
def test_their_options_are_read_from_the_ini_file_too(
    suite: Callable[..., pytest.RunResult], pytester: pytest.Pytester, server: Server
) -> None:
    words = conninfo_to_dict(server.conninfo)
    lines = [f"postgresql_{word} = {words[word]}" for word in ("host", "port", "user")]
    text = "\n".join(["[pytest]", "usersync_dsn = pytest-postgresql", *lines])
    (pytester.path / "pytest.ini").write_text(text, encoding="utf-8")
    suite("", A_TEST.format(origin=origin(server))).assert_outcomes(passed=1)


@pytest.mark.matrix
def test_without_their_plugin_their_options_are_missed_in_one_line(
    suite: Callable[..., pytest.RunResult],
) -> None:
    options = ("--usersync", "--usersync-dsn=pytest-postgresql", "-p", "no:pytest_postgresql")
    result = suite("", "", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: The DSN is pytest-postgresql, but this plugin is not *"])


def test_a_password_is_not_shown() -> None:
    from pytest_usersync.postgresql import Supabase  # noqa: PLC0415

    given = dict.fromkeys(Supabase.__annotations__, "x") | {"password": "secret"}
    assert "secret" not in repr(Supabase(**given))  # type: ignore[arg-type]


@pytest.mark.matrix
def test_their_process_can_be_ours(tmp_path_factory: pytest.TempPathFactory) -> None:
    binaries = locate.find(None)
    if not (binaries.folder / "pg_ctl").exists():
        pytest.skip("no pg_ctl, by which pytest-postgresql starts a server")
    user = os_account.account()
    if not all(map(user.can_pass, (binaries.folder / "pg_ctl", Path(sys.executable)))):
        pytest.skip("the programs cannot be reached by a plain user")
    folder = tmp_path_factory.mktemp("process")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    shutil.copy(PLAIN, migrations / "20260101000000_profiles.sql")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(LENDING.format(process="postgresql_proc"))
    text = A_TEST.partition("    assert usersync.subject")[0]
    text = text.replace("usersync,", "usersync, postgresql_proc,")
    text += "    assert f'port={postgresql_proc.port}' in usersync.subject.server.origin\n"
    (folder / "test_it.py").write_text(text)
    user.own_tree(folder)
    options = ["-p", "no:asyncio", "-p", "no:cacheprovider", f"--basetemp={folder / 'temporary'}"]
    options += [f"--postgresql-exec={binaries.folder / 'pg_ctl'}"]
    options += [f"--postgresql-unixsocketdir={folder}"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        **user.identity(),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
