"""Fixtures for an app's tests. Whatever is heavy is imported when the first test asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import pytest

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

    from ..auth import AuthSettings, Json, SupabaseAuth, User
    from ..config.server_dsn import Process
    from ..harness.harness import UserSync
    from ..interleaving import Race

    Request = AbstractContextManager[psycopg.Connection[DictRow]]


# The names by which a test is known to use the harness, whose test this process is in.
NAMES = frozenset(
    {
        *("usersync", "supabase_auth", "as_user", "as_anon", "as_service_role"),
        *("usersync_connection", "usersync_dsn", "usersync_race"),
    }
)
HARNESS = pytest.StashKey["UserSync"]()
ISOLATION = pytest.StashKey[str]()

# The one module of ours that pytest is to rewrite: see `assertion_rewriting`.
pytest.register_assert_rewrite("pytest_usersync.harness.assertions")


class AsUser(Protocol):
    """Make requests with a user's token: the type of the fixture ``as_user``."""

    def __call__(self, user: User | UUID, *, aal: str = "aal1", **claims: Json) -> Request:
        """Let the connection make a request with the user's token, as PostgREST would.

        Args:
            user: the user, or the id of one.
            aal: how the user signed in, ``aal1`` or ``aal2``.
            claims: what the token says besides, or instead.

        Raises:
            UserSyncError: no user has the id.
        """


class AsKey(Protocol):
    """Make requests with an API key: the type of ``as_anon`` and ``as_service_role``."""

    def __call__(self, **claims: Json) -> Request:
        """Let the connection make a request with the key, as PostgREST would.

        Args:
            claims: what the key says besides, or instead.
        """


class NewRace(Protocol):
    """Make a race on a fresh copy of the project's database: the type of ``usersync_race``."""

    def __call__(self, *, patience: float = 10.0) -> Race:
        """Return a race without sessions.

        Args:
            patience: how many seconds a step may take before it is given up.
        """


@pytest.fixture(scope="session")
def usersync_server() -> Process | str | None:
    """The server to use instead of the one that the options choose; override it to give one.

    A superuser's connection string, or what a process fixture of pytest-postgresql returns. A run
    with ``--usersync`` needs its server before there are fixtures, and goes by the options.
    """
    return None


@pytest.fixture(scope="session")
def usersync(
    pytestconfig: pytest.Config, usersync_server: Process | str | None
) -> Iterator[UserSync]:
    """The sync under test: its profiles, ghosts and orphans, its users and their requests.

    It lasts for the session; the database behind it is a clean one for each test, and for each
    example of a property test.
    """
    from .harness_factory import close, harness, plainly  # noqa: PLC0415

    if isinstance(usersync_server, str):
        from ..postgres import Secret  # noqa: PLC0415

        usersync_server = Secret(usersync_server)
    made = harness(pytestconfig, usersync_server)
    with plainly():
        made.isolate(pytestconfig.stash.get(ISOLATION, "rollback"))
    pytestconfig.stash[HARNESS] = made
    yield made
    if usersync_server is not None:  # It may go with the fixture that gave it.
        close(pytestconfig)


@pytest.fixture(scope="session")
def supabase_auth_settings() -> AuthSettings:
    """How the simulated Supabase Auth is configured; override it to have another configuration."""
    from ..auth import AuthSettings  # noqa: PLC0415

    return AuthSettings()


@pytest.fixture(scope="session")
def supabase_auth(usersync: UserSync, supabase_auth_settings: AuthSettings) -> SupabaseAuth:
    """The simulated Supabase Auth, to sign users up, in and over with."""
    return usersync.new_auth(supabase_auth_settings)


@pytest.fixture(scope="session")
def as_user(usersync: UserSync) -> AsUser:
    """A context manager that lets the connection make a request with a user's token."""
    return usersync.as_user


@pytest.fixture(scope="session")
def as_anon(usersync: UserSync) -> AsKey:
    """A context manager that lets the connection make a request with the ``anon`` key."""
    return usersync.as_anon


@pytest.fixture(scope="session")
def as_service_role(usersync: UserSync) -> AsKey:
    """A context manager that lets the connection make a request with the ``service_role`` key."""
    return usersync.as_service_role


@pytest.fixture
def usersync_connection(usersync: UserSync) -> psycopg.Connection[DictRow]:
    """A plain psycopg connection for the app's own code, as the role that runs migrations."""
    return usersync.connection


@pytest.fixture
def usersync_dsn(usersync: UserSync) -> str:
    """A connection string for the app's own connections; the test gets a clone of its own.

    Who logs in is no superuser. On a server reached by DSN that had the role before, it is a login
    of ours that takes on the role: there, and only there, ``session_user`` is not ``current_user``.
    """
    return usersync.dsn


@pytest.fixture(scope="session")
def usersync_race(usersync: UserSync) -> Iterator[NewRace]:
    """Make races: sessions whose steps are taken in every order that can make a difference.

    What their sessions commit is taken back after each schedule, and the next race begins anew.
    """
    from ..interleaving import races  # noqa: PLC0415

    with races(usersync.subject) as new:
        yield new
