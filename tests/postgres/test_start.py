from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import (
    RunningServer,
    Server,
    ServerRequest,
    attach,
    server_process,
    start,
)
from pytest_usersync.postgres.database import connect


def value(server: Server, query: str) -> object:
    with connect(server, "postgres") as connection:
        row = connection.execute(query).fetchone()
    assert row
    return next(iter(row.values()))


def test_a_server_speaks_utf8_to_a_superuser_of_supabases_name(server: Server) -> None:
    assert value(server, "select session_user") == "supabase_admin"
    assert value(server, "select rolsuper from pg_roles where rolname = session_user") is True
    assert value(server, "show server_encoding") == "UTF8"
    assert value(server, "select lower('ÄÖ')") == "äö"


def test_a_server_keeps_the_time_of_supabase_wherever_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "America/New_York")
    with start(ServerRequest()) as running:
        assert value(running.server, "select extract(timezone from now())::int") == 0


def test_a_server_knows_its_version_and_says_where_it_comes_from(server: Server) -> None:
    assert server.version == int(str(value(server, "show server_version_num")))
    assert server.origin.startswith(f"PostgreSQL {server.version // 10000}.")
    assert server.own


def test_a_server_listens_on_no_network(server: Server) -> None:
    assert value(server, "show listen_addresses") == ""


def test_the_sockets_folder_is_closed_to_other_users(server: Server) -> None:
    folder = Path(str(value(server, "show unix_socket_directories")))
    assert folder.stat().st_mode & 0o077 == 0


def test_libpq_variables_meant_for_another_server_do_not_lead_astray(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=astray")
    assert "astray" not in str(value(server, "show search_path"))


def test_a_worker_attaches_and_leaves_the_server_running(server: Server) -> None:
    with attach(server.to_json()) as attached:
        assert attached.server == server
    assert value(server, "select 1") == 1


def test_a_password_is_not_shown_where_the_server_is() -> None:
    server = Server("host=h password=hush", 170000, "PostgreSQL 17.0 by DSN (host=h)", own=False)
    request = ServerRequest(dsn="postgresql://me:hush@h/")
    assert "hush" not in repr(server) + repr(request)
    assert Server.from_json(server.to_json()) == server


def test_stopping_removes_the_server_and_its_files() -> None:
    with start(ServerRequest()) as running:
        folder = Path(str(value(running.server, "show data_directory"))).parent
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        connect(running.server, "postgres")
    running.stop()


def test_a_server_started_by_a_thread_outlives_the_thread() -> None:
    started: list[RunningServer] = []
    thread = threading.Thread(target=lambda: started.append(start(ServerRequest())))
    thread.start()
    thread.join()
    with started[0] as running:
        assert value(running.server, "select 1") == 1


def test_a_server_that_does_not_start_shows_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(server_process.SETTINGS, "max_connections", "many")
    with pytest.raises(ServerError, match=r'(?s)does not start.*parameter "max_connections"'):
        start(ServerRequest())
