"""A run as a guest on somebody else's server leaves it as it was, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from hosts import LOCAL, ODD, Host, hosted
from matrix import few

from pytest_usersync import migrations
from pytest_usersync.model.errors import ServerError, ServerLost
from pytest_usersync.model.settings import Settings
from pytest_usersync.platform import platform
from pytest_usersync.postgres import ServerRequest, database, external_server, start
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.runner import subject

# What it does to roles; that of somebody else's it may do where postgres is their administrator.
PROJECT = """
create table public.profiles (id uuid primary key);
create role app_reader nologin;
grant select on public.profiles to app_reader;
grant app_reader to anon;
alter role app_reader set work_mem = '1MB';
do $$ begin execute 'create role app_' || 'unseen'; end $$;
do $$
begin
    alter role anon set statement_timeout = '1s';
    alter role authenticated valid until 'infinity' connection limit 3;
    alter role authenticated in database postgres set work_mem = '2MB';
    comment on role anon is 'changed';
    grant service_role to authenticated;
    revoke anon from postgres;
exception when insufficient_privilege then null;
end
$$;
"""
SCRIPT = """
import os, signal, sys
from pathlib import Path
from pytest_usersync.migrations.applier import Applier
from pytest_usersync.runner import subject
from pytest_usersync.model.settings import Settings

settings, moment = Settings(dsn=sys.argv[1]), sys.argv[3]
found = subject.find(settings, Path(sys.argv[2]))
if moment == "loading":
    Applier.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)
with subject.prepare(settings, found):
    if moment == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("ready", flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
"""


@pytest.fixture(scope="module", params=few(["docker", "trusting", "local", "odd"], ["docker"]))
def host(request: pytest.FixtureRequest, wanted: ServerRequest) -> Iterator[Host]:
    """A server of each shape: Docker's, pytest-postgresql's, a local Supabase, one of no kind."""
    shapes: dict[str, tuple[str, str, str]] = {
        "docker": ("sesame", "", "postgres"),
        "trusting": ("", "", "postgres"),
        "local": ("sesame", LOCAL, "supabase_admin"),
        "odd": ("sesame", ODD, "postgres"),
    }
    with hosted(wanted, *shapes[request.param]) as host:
        yield host


@pytest.fixture(scope="module")
def docker(wanted: ServerRequest) -> Iterator[Host]:
    with hosted(wanted, "sesame") as host:
        yield host


@pytest.fixture(scope="module")
def local(wanted: ServerRequest) -> Iterator[Host]:
    with hosted(wanted, "sesame", LOCAL, "supabase_admin") as host:
        yield host


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose migration changes roles."""
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_profiles.sql").write_text(PROJECT)
    return tmp_path


Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(root: Path) -> Iterator[Begin]:
    """Return a function that begins a run in another process, and waits until it has loaded."""
    with ExitStack() as exits:

        def begin(host: Host, moment: str = "waits") -> subprocess.Popen[str]:
            run = exits.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SCRIPT, host.dsn, str(root), moment],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )  # fmt: skip
            exits.callback(run.kill)
            assert run.stdout
            assert run.stdout.readline().strip() == ("ready" if moment == "waits" else "")
            return run

        yield begin


def visit(host: Host) -> None:
    """Come and go, as the next run does."""
    with start(ServerRequest(dsn=host.dsn)):
        pass


def finish(run: subprocess.Popen[str]) -> None:
    run.communicate("")
    assert run.returncode == 0


def changed(host: Host) -> list[tuple[object, ...]]:
    return host.run("select rolname from pg_roles where rolname like 'app\\_%' order by 1")


def test_after_a_run_the_roles_and_databases_are_what_they_were(host: Host, root: Path) -> None:
    before = host.state()
    settings = Settings(dsn=host.dsn)
    with subject.prepare(settings, subject.find(settings, root)) as (prepared, running):
        assert not prepared.load_failures
        assert changed(host) == [("app_reader",), ("app_unseen",)]
        with database.connect(running.server, prepared.database, database.HARNESS) as harness:
            harness.execute("set role app_reader")
        for role in (
            "supabase_auth_admin",
            "authenticator",
            "anon",
            running.server.role("postgres"),
        ):
            with database.connect(running.server, prepared.database, role) as connection:
                connection.execute("reset role")
                found = connection.execute("select current_user::text as me").fetchone()
                assert found == {"me": role}
                connection.execute("set role none")
                who = "select rolsuper from pg_roles where rolname = session_user"
                assert connection.execute(who).fetchone() == {"rolsuper": False}
    assert host.state() == before


def test_what_a_killed_run_left_goes_with_the_next(local: Host, begin: Begin) -> None:
    before = local.state()
    run = begin(local, "killed")
    assert run.wait() == -signal.SIGKILL
    assert len(changed(local)) == 2
    visit(local)
    assert local.state() == before


def test_what_a_run_left_that_was_killed_while_it_loaded_goes_with_the_next(
    docker: Host, begin: Begin, root: Path
) -> None:
    if docker.version < 160000:  # There nothing says who has made a role.
        migration = next((root / "supabase" / "migrations").iterdir())
        migration.write_text(PROJECT.replace("execute 'create role app_' || 'unseen'", "perform 1"))
    before = docker.state()
    run = begin(docker, "loading")
    assert run.wait() == -signal.SIGKILL
    assert changed(docker)
    visit(docker)
    assert docker.state() == before


def test_a_run_that_is_interrupted_leaves_nothing(local: Host, begin: Begin) -> None:
    before = local.state()
    run = begin(local)
    run.send_signal(signal.SIGINT)
    run.wait()
    assert local.state() == before


def test_a_run_whose_sessions_were_ended_leaves_nothing(docker: Host, begin: Begin) -> None:
    before = docker.state()
    run = begin(docker)
    docker.run(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where backend_type = 'client backend' and pid <> pg_backend_pid()"
    )
    finish(run)
    assert docker.state() == before


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("pytest_usersync.postgres.external_server.role_ledger.begin", "the run began"),
        ("pytest_usersync.migrations.load", "the migrations were applied"),
    ],
)
def test_a_server_that_is_lost_while_a_run_begins_is_told_in_one_line(
    wanted: ServerRequest, root: Path, monkeypatch: pytest.MonkeyPatch, moment: str, words: str
) -> None:
    with hosted(wanted, "sesame") as host:

        def dies(first: object, *_: object, **__: object) -> None:
            os.kill(host.pid, signal.SIGKILL)
            while True:
                if isinstance(first, psycopg.Connection):
                    first.execute("select 1")
                else:
                    host.run("select 1")

        monkeypatch.setattr(moment, dies)
        settings = Settings(dsn=host.dsn)
        with (
            pytest.raises(ServerLost, match=f"was lost while {words}: ") as raised,
            subject.prepare(settings, subject.find(settings, root)),
        ):
            pass
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("last", [0, 1])
def test_two_runs_at_once_leave_each_other_alone_and_nothing_behind(
    docker: Host, begin: Begin, tmp_path: Path, root: Path, last: int
) -> None:
    before = docker.state()
    one = begin(docker)
    (root / "supabase" / "migrations" / "20260101000000_profiles.sql").write_text("select 1")
    runs = [one, begin(docker)]
    finish(runs.pop(1 - last))
    assert docker.state() != before
    with start(ServerRequest(dsn=docker.dsn)) as third:  # and one comes meanwhile
        for role in ("supabase_auth_admin", "authenticator"):
            with database.connect(third.server, "postgres", role) as connection:
                found = connection.execute("select current_user::text as me").fetchone()
                assert found == {"me": role}
    assert docker.state() != before
    finish(runs.pop())
    assert docker.state() == before


def test_a_role_that_another_run_has_made_is_told_in_one_line(
    docker: Host, begin: Begin, root: Path
) -> None:
    run = begin(docker)
    settings = Settings(dsn=docker.dsn)
    with (
        pytest.raises(ServerError) as raised,
        subject.prepare(settings, subject.find(settings, root)),
    ):
        pass
    assert str(raised.value) == (
        "Another run on the server has created the role app_reader, which this project creates "
        "too. Start this run when the other one has ended."
    )
    finish(run)


def test_what_looks_like_ours_and_has_no_mark_stays(docker: Host) -> None:
    docker.run(
        "create database usersync_theirs", "create role usersync_login_theirs",
        "comment on role usersync_login_theirs is 'made by pytest-usersync, run by me'",
        "create database usersync_platform_theirs",
    )  # fmt: skip
    before = docker.state()
    visit(docker)
    assert docker.state() == before


def test_our_mark_on_a_role_of_somebody_else_costs_it_nothing(docker: Host, begin: Begin) -> None:
    # As files of a project can write it before PostgreSQL 16.
    mark = "comment on role theirs is 'made by pytest-usersync, run 00000000{}'"
    docker.run(
        "create role theirs",
        "comment on role theirs is 'ours'",
        "create role theirs_too",
        "create database theirs owner theirs",
        "grant create on schema public to theirs",
        "create table public.theirs as select 1 as kept",
        "alter table public.theirs owner to theirs",
    )
    before = docker.state()
    run = begin(docker)
    docker.run(mark.format(""), mark.replace("theirs", "theirs_too").format(", for all runs"))
    visit(docker)
    docker.run(mark.format(", for all runs"))
    finish(run)
    assert docker.state() == before
    assert docker.run("select kept from public.theirs") == [(1,)]


def test_what_others_do_meanwhile_stays(local: Host, begin: Begin) -> None:
    run = begin(local, "killed")
    run.wait()
    local.run(
        "alter role supabase_auth_admin password 'new'", "create role newcomer login",
        "grant anon to newcomer", "alter role anon set statement_timeout = '9s'",
    )  # fmt: skip
    visit(local)
    assert local.run("select 1 from pg_roles where rolname = 'newcomer'")
    held = local.run("select rolconfig from pg_roles where rolname = 'anon'")
    assert held == [(["statement_timeout=9s"],)]
    with psycopg.connect(local.dsn, dbname="postgres", user="supabase_auth_admin", password="new"):
        pass


def test_a_role_that_somebody_makes_by_hand_while_a_run_is_there_stays(
    docker: Host, root: Path
) -> None:
    before = docker.state()
    found = subject.find(Settings(dsn=docker.dsn), root)
    with start(ServerRequest(dsn=docker.dsn)) as running:
        template = platform.template(running.server)
        docker.run("create role app_reader", "create role newcomer")
        try:
            loaded = migrations.load(running.server, template, found)
            assert [one.failure.sqlstate for one in loaded.failures] == ["42710"]
            docker.run("create role later")
            again = migrations.load(running.server, template, found)
            for name in (loaded.database, again.database):
                database.drop(running.server, name)
        finally:
            running.stop()
            left = docker.run(
                "select rolname from pg_roles"
                " where rolname in ('app_reader', 'app_unseen', 'later', 'newcomer') order by 1"
            )
            for (name,) in left:
                docker.run(f"drop role {name}")
    assert left == [("app_reader",), ("later",), ("newcomer",)]
    assert docker.state() == before


def test_a_database_that_is_kept_stays_and_its_roles_go_with_it(docker: Host, root: Path) -> None:
    before = docker.state()
    settings = Settings(dsn=docker.dsn)
    with subject.prepare(settings, subject.find(settings, root)) as (prepared, running):
        clones = Clones(running.server)
        name = clones.take(prepared.database)
        clones.leave(name)
        clones.close()
    visit(docker)
    said = f"select shobj_description(oid, 'pg_database') from pg_database where datname = '{name}'"
    assert docker.run(said) == [(external_server.KEPT,)]
    docker.run(f"drop database {name}")
    visit(docker)
    assert docker.state() == before


@pytest.mark.parametrize(
    ("shape", "trouble", "remedy"),
    [
        (
            "create role anon bypassrls",
            "The role anon bypasses row level security",
            "alter role anon nobypassrls;",
        ),
        (
            "create role supabase_auth_admin superuser",
            "The role supabase_auth_admin is a superuser",
            "alter role supabase_auth_admin nosuperuser;",
        ),
        (
            "create role service_role",
            "The role service_role does not bypass row level security",
            "alter role service_role bypassrls;",
        ),
    ],
)
def test_a_role_that_cannot_serve_is_told_with_the_statement_that_changes_it(
    docker: Host, shape: str, trouble: str, remedy: str
) -> None:
    docker.run(shape)
    before = docker.state()
    try:
        with pytest.raises(ServerError) as raised:
            visit(docker)
        where = f"host=127.0.0.1 port={docker.port}"
        said = f"{trouble} at {where}, unlike Supabase's. Run there: {remedy}"
        assert str(raised.value) == said
        assert docker.state() == before
        docker.run(remedy)
        visit(docker)
    finally:
        docker.run(f"drop role {shape.split()[2]}")


def test_what_others_have_given_to_our_roles_in_their_databases_stays(
    docker: Host, root: Path
) -> None:
    before = docker.state()
    settings = Settings(dsn=docker.dsn)
    with subject.prepare(settings, subject.find(settings, root)):
        docker.run(
            "create table public.given (id integer)",
            "grant select on public.given to anon",
            "create table public.ours_by_name (id integer)",
            "alter table public.ours_by_name owner to authenticated",
        )
    owned = "select relowner::regrole::text, relacl::text from pg_class where relname = %r"
    assert docker.run(owned % "ours_by_name") == [("authenticated", None)]
    assert "anon=r/" in str(docker.run(owned % "given"))
    docker.run("drop table public.given, public.ours_by_name")
    start(ServerRequest(dsn=docker.dsn)).stop()
    assert docker.state() == before


@pytest.mark.matrix
def test_a_run_beside_another_is_judged_as_if_it_were_alone(docker: Host, root: Path) -> None:
    settings = Settings(dsn=docker.dsn)
    command = [sys.executable, "-m", "pytest", "--usersync", "-p", "no:cacheprovider"]
    command += ["--usersync-select=US104,US501,US502,US608", f"--usersync-dsn={docker.dsn}"]
    examples = Path(__file__).parents[2] / "examples" / "petforce"
    with subject.prepare(settings, subject.find(settings, root)):
        beside = subprocess.run(command, cwd=examples, capture_output=True, text=True, check=False)
    alone = subprocess.run(command, cwd=examples, capture_output=True, text=True, check=False)
    said = [run.stdout.splitlines()[-1].partition(" in ")[0] for run in (beside, alone)]
    assert said[0] == said[1]
    assert "error" not in said[0]


def test_a_run_after_one_that_kept_a_database_is_judged_as_ever(docker: Host, root: Path) -> None:
    settings = Settings(dsn=docker.dsn)
    for _ in range(2):
        with subject.prepare(settings, subject.find(settings, root)) as (prepared, running):
            with database.connect(running.server, prepared.database, database.HARNESS) as harness:
                for role in ("supabase_auth_admin", "anon", "usersync_postgres"):
                    harness.execute(f"set role {role}".encode())
            clones = Clones(running.server)
            clones.leave(clones.take(prepared.database))
            clones.close()
    kept = "select datname from pg_database where shobj_description(oid, 'pg_database') = %r"
    for name in docker.run(kept % external_server.KEPT):
        docker.run(f'drop database "{name[0]}"')
    visit(docker)
