"""The user sync of a project, in the hands of an app's own tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import DictRow

from ..auth import AuthError, AuthSettings, Json, SupabaseAuth, User
from ..auth.source import Source
from ..model.errors import ConfigurationError, UserSyncError
from ..postgres import database
from ..probes.maintenance import maintenance
from ..probes.maintenance.maintenance import Reader
from ..runner.check import Subject
from ..sessions import tokens
from ..sessions.nested import NestedConnection
from . import assertions
from .queries import Records
from .test_database import AppClones, Clone, Rollback, TestDatabase

R = TypeVar("R")
ISOLATIONS = ("rollback", "clone")


class UserSync(Records):
    """The sync under test, the users it is about, and the database that both are in.

    One object for the whole process: the database behind it is another one for each test, and for
    each example of a property test. Nothing is begun before it is asked for.
    """

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._clones = AppClones(subject)
        self._rollback = Rollback(self._clones)
        self._begun: TestDatabase | None = None
        self._isolation = "rollback"
        self._auth = self.new_auth()

    @property
    def subject(self) -> Subject:
        """The server, and the database that every test's is a copy of."""
        return self._subject

    @property
    def auth(self) -> SupabaseAuth:
        """The simulated Supabase Auth."""
        return self._auth

    def new_auth(
        self, settings: AuthSettings | None = None, source: Source | None = None
    ) -> SupabaseAuth:
        """Return another Supabase Auth of the same database, with settings of its own."""
        return SupabaseAuth(self._lend_auth, settings, source)

    @property
    def connection(self) -> psycopg.Connection[DictRow]:
        """The app's connection: a plain psycopg one, as the role that runs migrations."""
        return self._app

    @property
    def dsn(self) -> str:
        """A connection string for further connections of the app's own, sync or async.

        Raises:
            UserSyncError: the test is rolled back, so that no other connection sees its users.
        """
        begun = self._begin()
        if isinstance(begun, Rollback):
            raise UserSyncError(
                "A rolled-back test has only one connection. Use the fixture usersync_dsn, or"
                ' mark the test with @pytest.mark.usersync(isolation="clone").'
            )
        return database.role_conninfo(self._subject.server, begun.name, self._clones.roles.main)

    # -- who is asking

    @contextmanager
    def as_user(
        self, user: User | UUID, *, aal: str = "aal1", **claims: Json
    ) -> Iterator[psycopg.Connection[DictRow]]:
        """Let the connection make a request with the user's token, as PostgREST would.

        The request is a transaction of its own as far as it can be: an error takes back what was
        done in the block. ``claims`` come on top of what the token of this user says.
        """
        known = user
        if isinstance(known, UUID):
            row = self.user(known)
            if row is None:
                raise UserSyncError(f"No user has the id {known}. Sign up a user first.")
            known = tokens.user_of(row)
        role = str(claims.get("role", known.role or "authenticated"))
        with self._request(role, tokens.of_user(known, aal, claims)) as connection:
            yield connection

    @contextmanager
    def as_anon(self, **claims: Json) -> Iterator[psycopg.Connection[DictRow]]:
        """Let the connection make a request with the project's ``anon`` key."""
        with self._request("anon", tokens.of_key("anon", claims)) as connection:
            yield connection

    @contextmanager
    def as_service_role(self, **claims: Json) -> Iterator[psycopg.Connection[DictRow]]:
        """Let the connection make a request with the project's ``service_role`` key."""
        claims_text = tokens.of_key("service_role", claims)
        with self._request("service_role", claims_text) as connection:
            yield connection

    @contextmanager
    def acting(self, role: str) -> Iterator[psycopg.Connection[DictRow]]:
        """Let the connection be as if the role had logged in, with its settings."""
        roles = self._clones.roles
        with roles.acting(self._app, roles.login(role)):
            yield self._app

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lend a connection that sees and writes all rows, in the same test database.

        It is a superuser's, but in a test with a clone of its own, where it is the harness's.
        """
        with self._begin().reader() as cursor:
            yield cursor.connection

    # -- what must hold

    def assert_synced(self, user: User | UUID) -> None:
        """Claim that each table has one row of the user, and that it mirrors the user."""
        __tracebackhide__ = True
        assertions.assert_synced(self, user)

    def assert_no_ghosts(self) -> None:
        """Claim that every user has a profile."""
        __tracebackhide__ = True
        assertions.assert_no_ghosts(self)

    def assert_no_orphans(self) -> None:
        """Claim that no table has a row whose user does not exist."""
        __tracebackhide__ = True
        assertions.assert_no_orphans(self)

    def assert_signup_succeeds(self, signup: Callable[[SupabaseAuth], User]) -> User:
        """Claim that a signup is accepted, and return its user."""
        __tracebackhide__ = True
        return assertions.assert_signup_succeeds(self, signup)

    def assert_signup_refused(self, signup: Callable[[SupabaseAuth], User]) -> AuthError:
        """Claim that a signup is refused, and return what its client is told."""
        __tracebackhide__ = True
        return assertions.assert_signup_refused(self, signup)

    def assert_idempotent(self, action: Callable[[], R]) -> R:
        """Claim that doing something twice leaves the profiles as doing it once."""
        __tracebackhide__ = True
        return assertions.assert_idempotent(self, action)

    # -- the test database

    def isolate(self, isolation: str) -> None:
        """Choose how test databases are isolated, ``rollback`` or ``clone``; end the open one."""
        if isolation not in ISOLATIONS:
            raise ConfigurationError(
                f"isolation={isolation!r} is unknown. Use one of {', '.join(ISOLATIONS)}."
            )
        if isolation != self._isolation:
            self.end()
            self._isolation = isolation

    def begin(self) -> None:
        """Begin a clean test database, unless there is one. What needs one begins it by itself."""
        self._begin()

    def warm_up(self) -> None:
        """Let the session learn the tables, so that the first example is no slower than others."""
        # In a clone each example has a session of its own, which nothing before it can warm.
        if self._begun is None and self._isolation == "rollback" and not self._rollback.warm:
            with self.example(), suppress(AuthError):
                self.auth.sign_in_anonymously()
            self._rollback.warm = True

    def end(self) -> list[str]:
        """Take back all that was done since the test database began.

        Returns what each session does that is open in it although nobody of ours opened it; they
        are ended.
        """
        begun, self._begun = self._begun, None
        return begun.end() if begun else []

    @contextmanager
    def example(self) -> Iterator[None]:
        """Take back what is done inside the block."""
        if self._begun is None and self._isolation == "rollback":
            try:
                yield
            finally:
                self.end()
        else:
            with self._begin().example():
                yield

    def close(self) -> None:
        """Close the connections and drop what was made."""
        self.end()
        self._rollback.close()
        self._clones.close_with_server()

    def _begin(self) -> TestDatabase:
        if self._begun is None:
            self._begun = Clone(self._clones) if self._isolation == "clone" else self._rollback
        return self._begun

    @property
    def _app(self) -> NestedConnection:
        return self._begin().connection

    def _lend_auth(self) -> AbstractContextManager[psycopg.Connection[object]]:
        return self._begin().auth()

    def _reader(self) -> AbstractContextManager[Reader]:
        return self._begin().reader()

    def _run(self, call: str) -> list[DictRow]:
        with self.acting(self._clones.roles.main) as connection:
            return maintenance.run(connection, call)

    @contextmanager
    def _request(self, role: str, claims: str) -> Iterator[psycopg.Connection[DictRow]]:
        roles = self._clones.roles
        with roles.acting(self._app, roles.request(role, claims)):
            yield self._app
