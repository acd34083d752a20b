"""A run as a guest on somebody else's server leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hosts import LOCAL, Host, hosted

from pytest_usersync import database, platform
from pytest_usersync.server import ServerRequest, start


@pytest.fixture(scope="module")
def docker(wanted: ServerRequest) -> Iterator[Host]:
    """A server like the one of Docker's postgres image: a superuser with a password."""
    with hosted(wanted, "sesame") as host:
        yield host


def test_it(docker: Host) -> None:
    before = docker.state()
    with start(ServerRequest(dsn=docker.dsn)) as running:
        server = running.server
        name = platform.template(server)
        with database.connect(server, name, "supabase_auth_admin") as connection:
            print(connection.execute("select session_user, current_user").fetchall())
        with database.connect(server, name, "anon") as connection:
            print(connection.execute("select session_user, current_user").fetchall())
            connection.execute("reset role")
            print(connection.execute("select session_user, current_user").fetchall())
        assert docker.state() != before
    assert docker.state() == before
