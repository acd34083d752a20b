"""A project on somebody else's server comes at nothing of theirs, and leaves nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hosts import Host, hosted

from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import Server, ServerRequest, database, start
from pytest_usersync.runner import subject
from pytest_usersync.runner.check import Subject

PROFILES = "create table public.profiles (id uuid primary key);\n"
# What runs as a superuser when somebody trusts the database by its name and its comment.
FORGED = """
create schema ledger;
grant usage on schema ledger to public;
create function ledger.unmark() returns void language plpgsql as $$
begin
    raise 'run as %', current_user;
end $$;
create function ledger.mark(alive text[]) returns void language sql as 'select ledger.unmark()';
create function ledger.put_back(everything boolean) returns void
language sql as 'select ledger.unmark()';
"""


@pytest.fixture(scope="module")
def host(wanted: ServerRequest) -> Iterator[Host]:
    with hosted(wanted, "sesame") as host:
        yield host


@contextmanager
def loaded(host: Host, root: Path, migration: str) -> Iterator[tuple[Subject, Server]]:
    """Begin a run with a project of one file."""
    folder = root / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_profiles.sql").write_text(PROFILES + migration)
    settings = Settings(dsn=host.dsn)
    with subject.prepare(settings, subject.find(settings, root)) as (prepared, running):
        yield prepared, running.server


def refused(server: Server, name: str, statement: str) -> str | None:
    """Return the SQLSTATE of a statement that ``postgres`` of the platform tries."""
    with database.connect(server, name, server.role("postgres")) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_a_forged_ledger_is_not_run(host: Host) -> None:
    host.run("create role evil login createdb")
    before = host.state()
    host.run(
        "create database usersync_ledger_0 owner evil",
        "comment on database usersync_ledger_0 is"
        " 'made by pytest-usersync, run 00000000, for all runs'",
    )
    host.run(FORGED, dbname="usersync_ledger_0")
    with start(ServerRequest(dsn=host.dsn)):
        pass
    assert host.state() == before
    host.run("drop role evil")


@pytest.mark.parametrize("extension", ["dblink", "postgres_fdw"])
def test_a_project_cannot_connect_to_other_databases(
    host: Host, tmp_path: Path, extension: str
) -> None:
    with loaded(host, tmp_path, f"create extension {extension};") as (prepared, _):
        (failed,) = prepared.load_failures
        assert failed.failure.sqlstate == "0A000"
        assert "on a server that --usersync-dsn names" in failed.failure.message
        assert "supabase/migrations/20260101000000_profiles.sql:2" in failed.told


def test_an_extension_that_stays_in_its_database_is_there(host: Host, tmp_path: Path) -> None:
    with loaded(host, tmp_path, "create extension citext;") as (prepared, _):
        assert not prepared.load_failures


def test_a_project_ends_no_session_of_others(host: Host, tmp_path: Path) -> None:
    host.run("create role app_owner login password 'theirs'")
    known = {"user": "app_owner", "password": "theirs", "dbname": "postgres"}
    theirs = psycopg.connect(host.dsn, **known, autocommit=True)
    with theirs, loaded(host, tmp_path, "") as (prepared, server):
        ended = f"select pg_terminate_backend({theirs.info.backend_pid})"
        assert refused(server, prepared.database, ended) == "42501"
        theirs.execute("select 1")
    host.run("drop role app_owner")


def test_a_project_makes_no_replication_slot(host: Host, tmp_path: Path) -> None:
    with loaded(host, tmp_path, "") as (prepared, server):
        slot = "select pg_create_physical_replication_slot('theirs', true)"
        assert refused(server, prepared.database, slot) == "42501"


def test_what_a_project_has_prepared_is_rolled_back(host: Host, tmp_path: Path) -> None:
    before = host.state()
    with (
        loaded(host, tmp_path, "") as (prepared, _),
        psycopg.connect(host.dsn, dbname=prepared.database, autocommit=True) as connection,
    ):
        for one in ("begin", "alter role anon connection limit 7", "prepare transaction 'x'"):
            connection.execute(one.encode())
    assert host.run("select gid from pg_prepared_xacts") == []
    assert host.state() == before
