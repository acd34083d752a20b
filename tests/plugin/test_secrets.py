"""The password of the DSN is shown nowhere, whatever a run prints, writes or raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hosts import Host, hosted
from matrix import few

from pytest_usersync.postgres import Secret, Server, ServerRequest, start
from pytest_usersync.postgres.conninfo import NoConnection, connect

SENTINEL = "hush-7c1f-sentinel"
SYNC = """
create table public.profiles (id uuid primary key, email text not null);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""
SUITE = """
import os
import signal
from pathlib import Path

import psycopg
import pytest


def test_a_query_that_fails(usersync_dsn, usersync):
    with psycopg.connect(usersync_dsn) as connection:
        connection.execute("select nonsense")


def test_a_login_that_fails(usersync_dsn):
    psycopg.connect(usersync_dsn, dbname="nowhere")


def test_a_query_that_fails_in_a_rolled_back_test(usersync_connection, usersync, as_anon):
    found = usersync.subject, usersync.subject.server
    with as_anon() as connection:
        connection.execute("select nonsense")


def test_an_assertion(usersync_dsn, usersync_connection):
    assert usersync_dsn.startswith("x")


@pytest.fixture
def looked(supabase_auth, usersync):
    server = usersync.subject.server
    raise RuntimeError(f"{server} {usersync.subject}")


def test_a_fixture_that_fails(looked):
    pass


def test_no_process_shows_it():
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert {sentinel!r} not in one.read_text(errors="replace")
        except OSError:
            continue
"""
DYING = """
import os
import signal

import pytest


def test_before(usersync_connection):
    os.kill({pid}, signal.SIGQUIT)
    usersync_connection.execute("select pg_sleep(30)")


@pytest.mark.usersync(isolation="clone")
def test_after(usersync):
    usersync.connection


def test_later(usersync_dsn, supabase_auth):
    pass
"""


@pytest.fixture(scope="module")
def host(wanted: ServerRequest) -> Iterator[Host]:
    with hosted(wanted, SENTINEL) as host:
        yield host


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(
    pytester: pytest.Pytester,
    write_project: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Return a function that runs pytest with all that tracebacks can show; the DSN is hidden."""
    write_project(SYNC)

    def run(host: Host, *options: str) -> pytest.RunResult:
        monkeypatch.setenv("USERSYNC_DSN", host.dsn)
        given = ["--tb=long", "--showlocals", "-vv", "-rA", "-p", "no:randomly", *options]
        result = pytester.runpytest_subprocess(*given)
        assert SENTINEL not in result.stdout.str() + result.stderr.str()
        for path in pytester.path.rglob("*"):
            if path.is_file() and path.suffix in (".xml", ".json", ".txt"):
                assert SENTINEL not in path.read_text()
        return result

    return run


@pytest.mark.parametrize(
    "parallel", few([(), ("-n", "2")], [("-n", "2")]), ids=["alone", "parallel"]
)
def test_failing_tests_and_checks_do_not_show_it(
    run: Run, host: Host, pytester: pytest.Pytester, parallel: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        test_app=SUITE.replace("{sentinel!r}", "''.join(['hush-7c1f-', 'sentinel'])")
    )
    result = run(
        host, "--usersync", "--usersync-select=US101,US104,US107", "--usersync-keep",
        "--junitxml=junit.xml", "--usersync-report=report.json", *parallel,
    )  # fmt: skip
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = result.stdout.str()
    assert "nonsense" in said
    assert f"psql 'host=127.0.0.1 port={host.port} user=postgres dbname=" in said
    assert "test_no_process_shows_it PASSED" in said or "PASSED test_app.py::test_no_pr" in said
    for (name,) in host.run("select datname from pg_database where datname like 'usersync%'"):
        host.run(f"drop database {name}")


@pytest.mark.parametrize("option", ["--usersync-doctor", "--usersync-show"])
def test_what_is_told_without_a_test_does_not_show_it(
    run: Run, host: Host, pytester: pytest.Pytester, option: str
) -> None:
    report = ["--usersync-report=report.json"] if option == "--usersync-doctor" else []
    assert run(host, option, *report).ret == pytest.ExitCode.OK


def test_an_error_of_ours_does_not_show_it(run: Run, host: Host, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest_usersync.postgres.database as database

        def broken(*given, **named):
            raise RuntimeError("broken on the way")

        database.clone = broken
        """
    )
    result = run(host, "--usersync", "--full-trace")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert "broken on the way" in result.stdout.str() + result.stderr.str()


def test_a_server_that_dies_does_not_show_it(
    run: Run, wanted: ServerRequest, pytester: pytest.Pytester
) -> None:
    with hosted(wanted, SENTINEL) as host:
        pytester.makepyfile(test_app=DYING.replace("{pid}", str(host.pid)))
        result = run(host, "--junitxml=junit.xml", "--full-trace")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "No PostgreSQL answers at" in result.stdout.str()


def test_a_login_that_is_refused_does_not_show_it(host: Host) -> None:
    wrong = host.dsn.replace(host.password, f"{SENTINEL}-wrong")
    with pytest.raises(NoConnection, match="password authentication failed") as raised:
        connect(wrong)
    frames = raised.traceback[1:]
    assert [entry.frame.code.name for entry in frames] == ["connect"]
    assert SENTINEL not in str([list(entry.frame.f_locals.values()) for entry in frames])
    assert raised.value.__context__ is None


def test_the_environment_and_files_of_the_user_are_asked_once(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "services").write_text(f"[mine]\nhost=127.0.0.1\nport={host.port}\nuser=postgres\n")
    (tmp_path / "pass").write_text(f"127.0.0.1:{host.port}:*:postgres:{SENTINEL}\n")
    (tmp_path / "pass").chmod(0o600)
    with monkeypatch.context() as given:
        given.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        given.setenv("PGPASSFILE", str(tmp_path / "pass"))
        given.setenv("PGSSLMODE", "disable")
        running = start(ServerRequest(dsn="service=mine"))
    assert "service" not in running.server.conninfo
    with running, connect(f"{running.server.conninfo} dbname=postgres") as connection:
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}


def test_what_is_secret_is_a_text_that_is_not_shown() -> None:
    server = Server(f"host=h password={SENTINEL}", 170000, "by DSN", own=False)
    assert SENTINEL in server.conninfo
    assert SENTINEL in server.to_json()
    for shown in (repr(server), repr(server.conninfo), repr([server.to_json()]), f"{server!r}"):
        assert SENTINEL not in shown
    assert Server.from_json(server.to_json()) == server
    assert Secret("a") + "b" == "ab"
