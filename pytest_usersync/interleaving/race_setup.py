"""The setup of a race: its sessions, its preparation, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from ..auth import AuthSettings, Json, SupabaseAuth, User
from ..auth.channel import Sent
from ..auth.source import Source
from ..model.errors import UserSyncError
from ..postgres.database import Connection
from ..sessions import tokens
from . import breakpoints
from .model import CUTS, ISOLATIONS, I, Invariant, Session, Step
from .race_database import RaceDatabase

PATIENCE = 10.0


class RaceSetup:
    """What a race is made of.

    Args:
        race database: where the sessions meet; it serves one race after the other.
        patience: how long a step may take before it is given up, in seconds.
    """

    def __init__(self, race_database: RaceDatabase, patience: float = PATIENCE) -> None:
        self.race_database = race_database
        self.patience = patience
        self.sessions: dict[str, Session] = {}
        self.invariants: list[Invariant] = []
        self.acts: list[Callable[[], object]] = []
        self.texts: list[object] = []
        self.unwanted: frozenset[str] | None = frozenset()
        self.pauses: list[breakpoints.Pause] = []
        self._ready: bool = False

    # -- what there is

    def prepare(self, *acts: str | Callable[[Connection], object]) -> None:
        """Do what every schedule begins with: SQL, or code on a connection that writes all rows."""
        for act in acts:
            self.texts.append(act)
            self._do(partial(self._write, act))

    def prepare_auth(
        self, act: Callable[[SupabaseAuth], Any], settings: AuthSettings | None = None
    ) -> Any:  # noqa: ANN401  Whatever the act returns.
        """Let Supabase Auth do what every schedule begins with, and return what that returns."""
        self.texts.append(act)
        return self._do(partial(self._authorize, act, settings, len(self.acts)))

    def session(
        self,
        name: str,
        *steps: Step,
        role: str = "postgres",
        user: User | UUID | None = None,
        claims: Mapping[str, Json] | None = None,
        isolation: str | None = None,
        cut: str = "statements",
        pauses: bool = True,
    ) -> None:
        """Let somebody take part.

        Args:
            name: how schedules call the session.
            steps: SQL, SQL with its parameters, or code that is given the session's connection.
            role: as whom it is logged in; with a user or claims, as whom it asks PostgREST.
            user: whose token it has.
            claims: what the token says besides, or by itself.
            isolation: ``read committed``, ``repeatable read`` or ``serializable``: all steps are
                one transaction. Without it SQL commits step by step, and code when it does.
            cut: where code is cut into steps: at its ``statements``, at its ``commits``, or
                between the ``calls`` only.
            pauses: whether it pauses where the race says.

        Raises:
            UserSyncError: there is no such isolation, or the name is taken.
        """
        told = None
        if user is not None or claims is not None:
            role = "authenticated" if role == "postgres" else role
            told = self._token(role, user, claims or {})
        self._join(Session(name, steps, role, told, isolation, cut, pauses=pauses))

    def auth(
        self,
        name: str,
        *calls: Callable[[SupabaseAuth], object],
        settings: AuthSettings | None = None,
        cut: str = "commits",
        pauses: bool = True,
    ) -> None:
        """Let Supabase Auth take part: it is given to each call, on a connection of its own.

        The ids that it makes up are the same in every schedule. Without ``pauses`` it goes on where
        the others pause.
        """
        # Away from the seeds of `prepare_auth`, which count from 0: no two make up the same id.
        seed = len(self.sessions) + 1000
        journal: list[list[Sent]] = []

        def auth(connection: Connection) -> SupabaseAuth:
            made = SupabaseAuth(connection, settings or AuthSettings(), Source(seed))
            journal.clear()
            made.channel.journal = journal
            return made

        role = "supabase_auth_admin"
        self._join(Session(name, calls, role, None, None, cut, auth, journal, pauses))

    def pause(
        self,
        table: str,
        on: str | Collection[str] = "insert",
        *,
        after: bool = False,
        statement: bool = False,
    ) -> None:
        """Cut the steps where something in them writes or reads a table.

        Args:
            table: with its schema, ``public.profiles``.
            on: ``insert``, ``update`` and ``delete`` pause before each row, or after it;
                ``select`` pauses when a scan has its snapshot, so that it shows what was there.
            after: once a row is written instead of before.
            statement: before each statement, or after it, instead of each row: no row is locked
                by it yet, and whatever it does to other tables is done by then.
        """
        self.pauses.append(breakpoints.pause(table, on, after=after, statement=statement))
        self._ready = False

    # -- what must hold

    def invariant(self, holds: I) -> I:
        """Demand something of the database after each schedule.

        Args:
            holds: is given a connection that sees all rows, and is no superuser; raises
                AssertionError or returns False when something is wrong. What it writes is taken
                back.
        """
        self.invariants.append(holds)
        return holds

    def never(self, *sqlstates: str) -> None:
        """Demand that no session is told one of these errors, ``40P01``; without any, no error."""
        if not sqlstates or self.unwanted is None:
            self.unwanted = None
        else:
            self.unwanted |= set(sqlstates)

    # -- how it is done

    def _do(self, act: Callable[[], object]) -> object:
        self._take_over()
        self.acts.append(act)
        self._ready = False
        return act()

    def _take_over(self, pauses: Sequence[breakpoints.Pause] = ()) -> None:
        """Let the race database be ours, with what every schedule begins with; pauses may stay."""
        if self.race_database.tenant is not self.acts or self.race_database.spoiled:
            self.race_database.begin(pauses)
            self.race_database.tenant = self.acts
            self._ready = False
            for act in self.acts:
                act()

    def _write(self, act: str | Callable[[Connection], object]) -> None:
        with self.race_database.writing() as connection:
            if callable(act):
                act(connection)
            else:
                connection.execute(act.encode())

    def _authorize(
        self, act: Callable[[SupabaseAuth], Any], settings: AuthSettings | None, seed: int
    ) -> object:
        with self.race_database.race_login("supabase_auth_admin") as race_login:
            race_login.connection.one_by_one = False
            try:
                return act(
                    SupabaseAuth(race_login.connection, settings or AuthSettings(), Source(seed))
                )
            finally:
                race_login.clean()

    def _join(self, session: Session) -> None:
        if session.name in self.sessions:
            raise UserSyncError(f"Two sessions are named {session.name!r}. Give each its own name.")
        if not session.name or len(session.name.split()) != 1:
            raise UserSyncError(f"A session cannot be named {session.name!r}. Use one word.")
        if not session.steps:
            raise UserSyncError(f"{session.name} has no steps. Give it SQL or code.")
        if session.isolation is not None and session.isolation not in ISOLATIONS:
            raise UserSyncError(
                f"isolation={session.isolation!r} is unknown. Use one of {', '.join(ISOLATIONS)}."
            )
        if session.cut not in CUTS:
            raise UserSyncError(f"cut={session.cut!r} is unknown. Use one of {', '.join(CUTS)}.")
        self.sessions[session.name] = session

    def _token(self, role: str, user: User | UUID | None, claims: Mapping[str, Json]) -> str:
        if user is None:
            return tokens.of_key(role, claims)
        known = user
        if isinstance(known, UUID):
            self._take_over()
            with self.race_database.reading() as connection:
                rows = connection.execute("select * from auth.users where id = %s", [known])
                row = rows.fetchone()
            if row is None:
                raise UserSyncError(f"No user has the id {known}. Sign up a user in prepare_auth.")
            known = tokens.user_of(row)
        return tokens.of_user(known, "aal1", {"role": role, **claims})
