"""People who sign up while the migrations are applied: who has a profile in the end, who has none.

At each moment two of them sign up. One commits at once, or waits for the migrations if it has to.
The other has inserted the user and stays open until the migrations are seen to wait, or the file
ends: a session that began before the trigger was there.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

from psycopg import Error, sql

from ...auth import AuthError, SupabaseAuth, User
from ...migrations.interrupted_apply import InterruptionPoint
from ...model.quoting import identifier
from ...model.sync import Target
from ...postgres import database
from ...postgres.database import Connection
from ...runner.context import CheckContext
from ...scenarios.signups import Person
from .arrivals import Installation, SignedUpUser
from .schedule_sql import arrival as arrival_of
from .signup_race import ORDINARY

_FIRST_ONE = "select * from auth.users where id = any (%s)"
# Seconds after which it is asked whether a signup waits, at first and at most.
_FIRST = 0.004
_LAST = 0.05
_PATIENCE = 1.0
_LIMIT = "set statement_timeout = '10s'"
_WAITS = "select pg_catalog.pg_blocking_pids(%s) as pids"
_TRIGGERS = """
select tgname as name
from pg_catalog.pg_trigger
where tgrelid = 'auth.users'::pg_catalog.regclass and tgenabled <> 'D'
"""
_SERVED = """
select users.id, exists (
    select from {table} as profile where profile.{key}::text = users.id::text
) as served
from auth.users as users
where users.id = any (%s)
"""


class _Signup(threading.Thread):
    """One signup, in a thread of its own as it may have to wait."""

    def __init__(
        self, connection: Connection, person: Person, moment: InterruptionPoint, *, stays: bool
    ) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.pid = connection.info.backend_pid
        self.moment = moment
        self.stays = stays
        self.waited = False
        self.lost: frozenset[str] = frozenset()
        self.user: User | None = None
        self.over = threading.Event()
        self._person = person
        self._auth = SupabaseAuth(connection, ORDINARY.settings)

    def run(self) -> None:
        """Sign up; whoever stays does not commit."""
        try:
            if self.stays:
                self.connection.execute("begin")
            self.user = ORDINARY.act(self._auth, self._person)
        except (AuthError, Error):
            with suppress(Error):
                self.connection.rollback()
        finally:
            self.over.set()

    def arrival(self) -> SignedUpUser | None:
        """Return who came, if the signup was not refused."""
        if self.user is None:
            return None
        sent = tuple(self._auth.channel.sent)
        return SignedUpUser(self.moment, self.stays, self.waited, self.user.id, sent, self.lost)


class ConcurrentSignups:
    """Those who sign up in one application of the migrations."""

    def __init__(self, context: CheckContext, name: str, only: SignedUpUser | None) -> None:
        self.acts: list[str] = []
        self._context = context
        self._name = name
        self._only = only
        self._migrations = 0
        self._last = 0
        self._came: list[_Signup] = []
        self._waiting: list[_Signup] = []
        self._open: list[_Signup] = []
        self._connections: list[Connection] = []
        self._free: list[Connection] = []
        self._known: frozenset[str] = frozenset()
        self._harness = database.connect(context.subject.server, name, database.HARNESS)

    def close(self) -> None:
        """End the sessions."""
        for one in self._waiting:
            with suppress(Error):
                self._kill(one)
        for connection in (*self._connections, self._harness):
            connection.close()

    # -- while the migrations are applied

    def act(self, moment: InterruptionPoint, pid: int) -> None:
        """Let two people sign up, unless somebody waits for the migrations already."""
        self._migrations, self._last = pid, moment.number
        self._settle()
        if self._only is None:
            # The second keeps its transaction open, so that the migrations may have to wait for it.
            if not self._waiting and self._sign_up(moment, stays=False):
                self._sign_up(moment, stays=True)
            return
        there = frozenset(row["name"] for row in self._harness.execute(_TRIGGERS))
        lost, self._known = self._known - there, self._known | there
        if moment == self._only.moment:
            self._sign_up(moment, stays=self._only.stayed, lost=lost)
        else:
            self._turn("migrations")

    def give_way(self) -> None:
        """Commit whom the migrations wait for."""
        pids = self._blocking(self._migrations)
        for one in [one for one in self._open if one.pid in pids]:
            self._turn("migrations")
            self._commit(one)
        # Two that wait for each other would be a deadlock, in which one of them is told so.
        for one in [one for one in self._waiting if one.pid in pids]:
            if self._migrations in self._blocking(one.pid):
                self._kill(one)

    def end(self) -> None:
        """End all that is under way, now that nothing of the migrations is."""
        for one in list(self._open):
            self._turn("migrations")
            self._commit(one)
        self._settle()

    def _sign_up(
        self, moment: InterruptionPoint, *, stays: bool, lost: frozenset[str] = frozenset()
    ) -> bool:
        """Let somebody sign up; return whether that is over, and nobody was refused."""
        one = _Signup(self._connect(), self._context.person(), moment, stays=stays)
        one.lost = lost
        self._turn("ada")
        self._came.append(one)
        self._waiting.append(one)
        one.start()
        self._settle()
        return one.over.is_set() and one.user is not None

    def _settle(self) -> None:
        """Wait until everybody is done, or waits for the migrations."""
        for one in list(self._waiting):
            pause = _FIRST
            while not one.over.wait(pause):
                pids = self._blocking(one.pid)
                if self._migrations in pids:
                    one.waited = True
                    break
                for other in [other for other in self._open if other.pid in pids]:
                    self._commit(other)
                pause = min(2 * pause, _LAST)
            else:
                self._done(one)

    def _done(self, one: _Signup) -> None:
        self._waiting.remove(one)
        if one.waited:
            self._turn("migrations")
            self._turn("ada")
        if one.stays and one.user:
            self._open.append(one)
        elif not one.connection.closed:
            self._free.append(one.connection)

    def _blocking(self, pid: int) -> list[int]:
        row = self._harness.execute(_WAITS, [pid]).fetchone()
        return row["pids"] if row else []

    def _connect(self) -> Connection:
        if not self._free:
            server = self._context.subject.server
            connection = database.connect(server, self._name, "supabase_auth_admin")
            connection.execute(_LIMIT)
            self._connections.append(connection)
            return connection
        return self._free.pop()

    def _commit(self, one: _Signup) -> None:
        self._open.remove(one)
        self._turn("ada")
        with suppress(Error):
            one.connection.execute("commit")
        self._free.append(one.connection)

    def _kill(self, one: _Signup) -> None:
        """Let one be told of an error that no function catches unless it means to."""
        self._harness.execute("select pg_catalog.pg_cancel_backend(%s)", [one.pid])
        one.join(_PATIENCE)
        if one.is_alive():
            self._harness.execute("select pg_catalog.pg_terminate_backend(%s)", [one.pid])
            one.join(_PATIENCE)

    def _turn(self, name: str) -> None:
        if self.acts[-1:] != [name]:
            self.acts.append(name)

    # -- in the end

    def seen(self, target: Target | None, failed: int) -> Installation:
        """Return who is there, and has a profile; nobody, where there are no profiles yet."""
        if target is None:
            return Installation((), tuple(self.acts), failed, "", self._last)
        came = [arrival for one in self._came if (arrival := one.arrival())]
        asked = sql.SQL(_SERVED).format(
            table=identifier(target.table), key=sql.Identifier(target.key)
        )
        rows = self._harness.execute(asked, [[one.id for one in came]])
        served = {row["id"]: row["served"] for row in rows}
        there = [replace(one, served=served[one.id]) for one in came if one.id in served]
        first = self._harness.execute(_FIRST_ONE, [[one.id for one in there[:1]]])
        text = "".join(map(arrival_of, first))
        return Installation(tuple(there), tuple(self.acts), failed, text, self._last)
