"""The database that a test sees: one that is rolled back, or a clone of its own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeAlias

import psycopg
from psycopg.rows import DictRow, dict_row

from ..postgres import database
from ..postgres.clones import Clones
from ..postgres.database import Connection
from ..runner.check import Subject
from ..sessions.nested import NestedConnection
from ..sessions.roles import Roles

Reader: TypeAlias = "psycopg.Cursor[DictRow]"

# A clone takes 12 MB, and on some file systems every drop makes the next clone slower.
_CLONES_AT_ONCE = 8


class AppClones(Clones):
    """Clones of the loaded database, and the app's connection to one."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject.server)
        self.roles = Roles(subject.server, subject.database)
        self._template = subject.database
        self._retired: list[str] = []

    def fresh(self) -> str:
        """Return the name of a clone that no test has seen."""
        return self.take(self._template, "test")

    def connect(self, name: str) -> NestedConnection:
        """Return the app's connection to one clone."""
        connection = database.assume(
            self.server, name, self.roles.main, autocommit=False, kind=NestedConnection,
            options=self.roles.options,
        )  # fmt: skip
        if not isinstance(connection, NestedConnection):
            raise TypeError(type(connection))
        return connection

    def retire(self, name: str) -> None:
        """Give back a clone that nobody uses any more; it is dropped with the next few."""
        self._retired.append(name)
        if len(self._retired) >= _CLONES_AT_ONCE:
            while self._retired:
                self.drop(self._retired[-1])
                self._retired.pop()


class Rollback:
    """One connection in one transaction; what a test does to it costs the next one nothing.

    It lasts for the whole process. A test that gets out of the transaction (commits, kills the
    connection) spoils the clone, and the next one gets a fresh one.
    """

    def __init__(self, clones: AppClones) -> None:
        self._clones = clones
        self._connection: NestedConnection | None = None
        self._begun = False
        self.name = ""
        self.warm = False

    @property
    def connection(self) -> NestedConnection:
        """The app's connection, inside the transaction."""
        return self._open()

    def _open(self, *, pushing: bool = False) -> NestedConnection:
        """Return the connection in its transaction, which may begin with the first savepoint."""
        # The last rollback was not waited for, and may have failed.
        if not self._begun and self._connection and self._connection.failure:
            self._spoil(self._connection)
        if self._connection is None:
            self.name = self.name or self._clones.fresh()
            self._connection = self._clones.connect(self.name)
        if not self._begun:
            self._begun = True
            self._connection.begin(later=pushing)
        return self._connection

    def auth(self) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend the one connection as ``supabase_auth_admin``."""
        connection, roles = self._open(pushing=True), self._clones.roles
        return roles.acting(connection, roles.auth, undo_on_error=False, serving=True)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Lend the one connection as the superuser."""
        connection, roles = self._open(pushing=True), self._clones.roles
        with roles.acting(connection, roles.reader, serving=True):
            yield psycopg.Cursor(connection, row_factory=dict_row)

    @contextmanager
    def example(self) -> Iterator[None]:
        """Take back what is done inside the block, and keep what was done before it."""
        if not self._begun:
            try:
                yield
            finally:
                self.end()
            return
        connection = self.connection
        # Nothing can be begun inside a failed transaction, or one that the test has ended.
        if connection.failed or not connection.points:
            self.end()
            connection = self.connection
        connection.push()
        point = connection.points[-1]
        connection.push()  # The one that commits inside the block go forward from.
        try:
            yield
        finally:
            self._take_back(connection, point)

    def _take_back(self, connection: NestedConnection, point: str) -> None:
        if connection is self._connection and point in connection.points:
            try:
                connection.undo(point)
            except psycopg.Error:
                pass
            else:
                return
        self.end()

    def end(self) -> list[str]:
        """Roll back; after a test that got out of the transaction, take another clone.

        No other session can have been opened: what is in a transaction has no address.
        """
        connection = self._connection
        if connection is None or not self._begun:
            return []
        self._begun = False
        try:
            connection.end()
        except psycopg.Error:
            self._spoil(connection)
        return []

    def _spoil(self, connection: NestedConnection) -> None:
        """Take another clone next time."""
        self._drop_connection(connection)
        self._clones.retire(self.name)
        self.name = ""

    def _drop_connection(self, connection: NestedConnection) -> None:
        connection.close()
        self._connection = None
        self.warm = False

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._drop_connection(self._connection)
        self._begun = False


class Clone:
    """A database of its own, in which every commit is a real one."""

    def __init__(self, clones: AppClones) -> None:
        self._clones = clones
        self._open: list[Connection] = []
        self._auth: Connection | None = None
        self._reader: Connection | None = None
        self._left: list[str] = []
        self._begin()

    def _begin(self) -> None:
        self.name = self._clones.fresh()
        self.connection = self._clones.connect(self.name)
        self._auth = self._reader = None
        self._open = [self.connection]

    def auth(self) -> AbstractContextManager[psycopg.Connection[object]]:
        """Lend a connection that is logged in as ``supabase_auth_admin``."""
        if self._auth is None or self._auth.closed:
            self._auth = self._login("supabase_auth_admin")
        return nullcontext(self._auth)

    def reader(self) -> AbstractContextManager[Reader]:
        """Lend a cursor of the harness, who sees all that is committed."""
        if self._reader is None or self._reader.closed:
            self._reader = self._login(database.HARNESS)
        return nullcontext(self._reader.cursor())

    @contextmanager
    def example(self) -> Iterator[None]:
        """Give the block a clone of its own, and another one to what comes after."""
        self._give_back()
        self._begin()
        yield

    def _login(self, role: str) -> Connection:
        connection = database.connect(self._clones.server, self.name, role)
        connection.cursor_factory = psycopg.Cursor  # what a test writes means what psycopg says
        self._open.append(connection)
        return connection

    def end(self) -> list[str]:
        """Close the connections and give the clone back."""
        self._give_back()
        return self._left

    def _give_back(self) -> None:
        ours = [one.info.backend_pid for one in self._open if not one.closed]
        for connection in self._open:
            connection.close()
        self._open = []
        # Where one example of many left something open, one is told and the others cost no time.
        left = [] if self._left else self._clones.left_open(self.name, ours)
        if left and gc.collect():  # What nobody can reach any more is as good as closed.
            left = self._clones.left_open(self.name, ours)
        if left or self._left:
            self._left = self._left or left
            self._clones.drop(self.name)
        else:
            self._clones.retire(self.name)


# What one test, or one example of a property test, has to itself.
TestDatabase: TypeAlias = "Rollback | Clone"
