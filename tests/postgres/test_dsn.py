from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import Seed, Server, ServerRequest, start
from pytest_usersync.postgres.database import connect, startup_options
from pytest_usersync.reporting.redact import Hiding


def complaint(dsn: str) -> str:
    with pytest.raises(ServerError) as caught:
        start(ServerRequest(dsn=dsn))
    message = str(caught.value)
    assert "\n" not in message
    assert "hush" not in message
    assert caught.value.__cause__ is None
    return message


@contextlib.contextmanager
def listener(says: bytes) -> Iterator[int]:
    """Answer every connection on a loopback port with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listening.accept()
                    with caller:
                        caller.recv(1024)
                        caller.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def url(server: Server, user: str = "supabase_admin") -> str:
    words = conninfo_to_dict(server.conninfo)
    return f"postgresql://{user}:hush@/postgres?host={quote(str(words['host']), safe='')}"


def test_a_url_reaches_a_server_that_is_not_ours(server: Server) -> None:
    with start(ServerRequest(dsn=url(server))) as running:
        reached = running.server
    assert reached.version == server.version
    assert not reached.own
    assert "by DSN (host=" in reached.origin
    assert "hush" not in reached.origin
    with connect(reached, "postgres") as connection:
        assert connection.execute("select session_user as me").fetchone() == {
            "me": "supabase_admin"
        }


def test_keywords_reach_a_server_too_whatever_database_they_name(server: Server) -> None:
    with start(ServerRequest(dsn=f"{server.conninfo} dbname=elsewhere")) as running:
        assert "dbname" not in conninfo_to_dict(running.server.conninfo)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user whom nobody knows, as in a container that gives out user ids."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home_folder_reaches_a_server(server: Server) -> None:
    with start(ServerRequest(dsn=f"{server.conninfo} options='-c work_mem=9MB'")) as running:
        assert running.server.version == server.version
        assert "work_mem=9MB" in startup_options(running.server, "postgres", "postgres")
    assert Hiding(server.conninfo)("in ~/app") == "in ~/app"


def test_a_server_reached_by_dsn_is_not_seeded(server: Server) -> None:
    def build(server: Server) -> None:
        raise AssertionError(server)

    with start(ServerRequest(dsn=server.conninfo), Seed("never", build)) as running:
        assert not running.server.own


def test_a_closed_port_is_named_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    message = complaint(f"postgresql://me:hush@127.0.0.1:{port}/")
    assert f"host=127.0.0.1 port={port}: Connection refused" in message


def test_all_addresses_of_a_name_fail_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert f"host=localhost port={port}" in complaint(f"host=localhost port={port} password=hush")


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\x01\x02"])
def test_something_other_than_postgresql_is_told_apart(says: bytes) -> None:
    with listener(says) as port:
        message = complaint(f"postgresql://me:hush@127.0.0.1:{port}/")
    assert message.startswith(f"No PostgreSQL answers at host=127.0.0.1 port={port}: ")


def test_a_name_that_does_not_resolve_is_named() -> None:
    assert "host=no-such-host.invalid" in complaint("postgresql://me:hush@no-such-host.invalid/")


@pytest.mark.parametrize("dsn", ["postgresql://me:hu sh@h:port/hush", "password='hush", "hush"])
def test_an_unreadable_dsn_is_not_repeated(dsn: str) -> None:
    assert complaint(dsn).startswith("The DSN cannot be read. Write postgresql://")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:a@hush@127.0.0.1:5432/",
        "postgresql://me:hush/a@127.0.0.1:5432/",
        "postgresql://me:5432/hush@127.0.0.1:5432/",
    ],
)
def test_a_url_that_cuts_its_password_shows_no_part_of_it(dsn: str) -> None:
    assert "write @ and / in a password as %40 and %2F" in complaint(dsn)


def test_a_role_without_the_rights_is_told_which_and_why(server: Server) -> None:
    role = sql.Identifier("usersync_test_plain")
    with connect(server, "postgres") as connection:
        connection.execute(sql.SQL("create role {} login").format(role))
    try:
        message = complaint(url(server, "usersync_test_plain"))
        assert "The role usersync_test_plain is not a superuser" in message
        assert "supabase_admin" in message
    finally:
        with connect(server, "postgres") as connection:
            connection.execute(sql.SQL("drop role {}").format(role))


def test_a_word_that_libpq_refuses_is_given_in_its_words() -> None:
    message = complaint("host=127.0.0.1 port=1 sslmode=bogus password=hush")
    assert 'host=127.0.0.1 port=1: invalid sslmode value: "bogus".' in message


def test_a_server_that_only_reads_is_told_at_once(server: Server) -> None:
    role = sql.Identifier("usersync_test_reader")
    with connect(server, "postgres") as connection:
        connection.execute(sql.SQL("create role {} login superuser").format(role))
        connection.execute(
            sql.SQL("alter role {} set default_transaction_read_only = on").format(role)
        )
    try:
        message = complaint(url(server, "usersync_test_reader"))
        assert "is read-only. Name a primary server" in message
    finally:
        with connect(server, "postgres") as connection:
            connection.execute(sql.SQL("drop role {}").format(role))
