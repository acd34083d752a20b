from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import (
    Server,
    ServerRequest,
    attach,
    database,
    libpq_environment,
    start,
)

# A value that spoils or changes a connection, for every variable that does either.
POISON = {
    "PGAPPNAME": "somebody",
    "PGCHANNELBINDING": "require",
    "PGCLIENTENCODING": "LATIN1",
    "PGCONNECT_TIMEOUT": "soon",
    "PGGSSENCMODE": "require",
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGLOADBALANCEHOSTS": "sometimes",
    "PGMAXPROTOCOLVERSION": "9.9",
    "PGMINPROTOCOLVERSION": "3.2",
    "PGOPTIONS": "-c search_path=evil -c default_transaction_read_only=on",
    "PGPASSWORD": "wrong",
    "PGPORT": "1",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "nobody-at-all",
    "PGREQUIRESSL": "1",
    "PGSERVICE": "unheard-of",
    "PGSSLCERT": "/nowhere/cert",
    "PGSSLCERTMODE": "require",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
    "PGUSER": "nobody",
    "PGDATESTYLE": "German",
    "PGTZ": "Pacific/Kiritimati",
    "PGGEQO": "off",
}
SHOWN = ("application_name", "client_encoding", "datestyle", "timezone", "geqo", "search_path")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as in a process without the server that these tests share."""
    monkeypatch.setattr(libpq_environment, "_users", 0)
    monkeypatch.setattr(libpq_environment, "_taken", {})


def shown(server: Server) -> dict[str, str]:
    """Return how a session behaves after ``reset all``."""
    with database.connect(server, "postgres") as connection:
        connection.execute("reset all")
        rows = connection.execute(
            "select name, setting from pg_catalog.pg_settings where lower(name) = any (%s)",
            [list(SHOWN)],
        ).fetchall()
        return {str(row["name"]): str(row["setting"]) for row in rows}


def attached(server: Server) -> dict[str, str]:
    """Return the same of a process that uses a server which another one started."""
    running = attach(server.to_json())
    try:
        return shown(running.server)
    finally:
        running.stop()


@pytest.mark.parametrize("name", POISON)
def test_no_variable_changes_a_session_on_an_own_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    plain = shown(server)
    monkeypatch.setenv(name, POISON[name])
    assert attached(server) == plain


def test_all_variables_at_once_change_nothing_either(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = shown(server)
    for name, value in POISON.items():
        monkeypatch.setenv(name, value)
    assert attached(server) == plain


def test_a_variable_of_libpq_that_nobody_thought_of_here_is_given_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = {"host", "port", "user", "dbname", "service", "servicefile"}
    known = {
        one.keyword.decode(): one.envvar.decode()
        for one in pq.Conninfo.get_defaults()
        if one.envvar and one.keyword.decode() not in named
    }
    for variable in known.values():
        monkeypatch.setenv(variable, "odd")
    server = Server("host=/here port=5432 user=me", 170000, "", own=True)
    given = pq.Conninfo.parse(database.conninfo(server, "any").encode())
    assert {one.keyword.decode() for one in given if one.val is not None} >= set(known)
    assert b"odd" not in {one.val for one in given}


def test_a_service_that_can_be_looked_up_changes_nothing_and_stays_for_others(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = shown(server)
    services = "[mine]\nsslmode=verify-full\noptions=-c search_path=evil\nhost=nowhere.invalid\n"
    (tmp_path / "services").write_text(services)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "mine")
    running = attach(server.to_json())
    try:
        assert shown(running.server) == plain
        assert os.environ["PGSERVICE"] == "mine"
    finally:
        running.stop()


def test_what_was_taken_out_is_back_when_nobody_uses_a_server_any_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGSERVICE", "PGTZ"):
        monkeypatch.setenv(name, POISON[name])
    first, second = attach(server.to_json()), attach(server.to_json())
    monkeypatch.setenv("PGTZ", "UTC")
    first.stop()
    first.stop()
    assert "PGSERVICE" not in os.environ
    second.stop()
    assert os.environ["PGSERVICE"] == POISON["PGSERVICE"]
    assert os.environ["PGTZ"] == "UTC"


def test_a_server_that_does_not_start_leaves_the_environment_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    with pytest.raises(ServerError):
        start(ServerRequest(binaries=Path("/nowhere")))
    assert os.environ["PGTZ"] == "Asia/Tokyo"


def test_a_server_starts_whatever_the_variables_say(wanted: ServerRequest) -> None:
    locales = {"LC_ALL": "tr_TR.UTF-8", "LANG": "nowhere", "TZ": "Nowhere/At/All"}
    code = (
        "from pathlib import Path\n"
        "from pytest_usersync.postgres import database\n"
        "from pytest_usersync.postgres import ServerRequest, start\n"
        f"binaries = {wanted.binaries and str(wanted.binaries)!r}\n"
        "with start(ServerRequest(binaries=binaries and Path(binaries))) as one:\n"
        "    database.connect(one.server, 'postgres').close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **POISON, **locales},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["PGDATESTYLE", "PGTZ", "PGGEQO", "PGOPTIONS", "PGCLIENTENCODING"])
def test_on_a_server_that_the_user_names_no_variable_changes_how_a_session_behaves(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    plain = shown(server)
    monkeypatch.setenv(name, POISON[name])
    with start(ServerRequest(dsn=f"{server.conninfo} application_name=''")) as running:
        assert shown(running.server) == plain


def test_on_a_server_that_the_user_names_the_variables_choose_the_address(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = dict(word.split("=", 1) for word in server.conninfo.split())
    monkeypatch.setenv("PGHOST", words["host"])
    monkeypatch.setenv("PGUSER", words["user"])
    with start(ServerRequest(dsn="application_name=''")) as running:
        assert shown(running.server) == shown(server)


def test_what_the_dsn_itself_says_of_its_sessions_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1MB")
    with (
        start(ServerRequest(dsn=f"{server.conninfo} options='-c work_mem=2MB'")) as running,
        psycopg.connect(database.conninfo(running.server, "postgres")) as connection,
    ):
        assert connection.execute("show work_mem").fetchone() == ("2MB",)
