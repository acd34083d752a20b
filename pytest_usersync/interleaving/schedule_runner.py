"""Play one schedule: let one session go on at a time, until all are done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue

import psycopg

from ..model.errors import StillRunning, UserSyncError
from ..postgres import statement_timeout
from ..postgres.pipeline import query
from ..postgres.prepared import table
from .breakpoints import KEYS
from .footprint import ANYTHING, Footprint
from .model import Event, Session
from .moves import Choose, Move, ScheduleRun
from .race_database import RaceDatabase
from .session_thread import News, SessionThread
from .waiting import Waiting

# Without the locks by which we make a session pause.
_HALFWAY = f"""
    select coalesce(relation::text, 'advisory ' || classid || ',' || objid), mode, locktype
    from pg_catalog.pg_locks
    where pid = $1 and locktype in ('relation', 'advisory') and granted
        and coalesce(classid, 0) <> {KEYS}
"""


class Runner:
    """Plays schedules of the same sessions in one race database."""

    def __init__(
        self, race_database: RaceDatabase, sessions: Sequence[Session], patience: float
    ) -> None:
        self.race_database = race_database
        self.sessions = tuple(sessions)
        self.patience = patience

    def play(self, choose: Choose, *, learn: bool = False) -> ScheduleRun:
        """Play one schedule to its end, unless enough has been seen before.

        Args:
            choose: who is to go on.
            learn: whether to find out what each move touches.

        Raises:
            UserSyncError: a session never came back, or died.
        """
        with ExitStack() as exits:
            news: News = SimpleQueue()
            threads: list[SessionThread] = []
            for session in self.sessions:
                login, _ = self.race_database.part(session.role, session.claims)
                race_login = exits.enter_context(self.race_database.race_login(login))
                threads.append(
                    SessionThread(session, race_login, news, self.race_database, learn=learn)
                )
            schedule = _ScheduleSessions(
                self.race_database, threads, news, self.patience, learn=learn
            )
            return schedule.play(choose)


class _ScheduleSessions:
    """The sessions of one schedule."""

    def __init__(
        self,
        race_database: RaceDatabase,
        threads: list[SessionThread],
        news: News,
        patience: float,
        *,
        learn: bool,
    ) -> None:
        self.race_database = race_database
        self.learn = learn
        self.threads = threads
        self.patience = patience
        self.moment = statement_timeout.mark()
        self.waiting = Waiting(race_database, threads, news, patience)
        self.told = ScheduleRun(
            backends=[
                (session_thread.race_login.pid, session_thread.name) for session_thread in threads
            ]
        )

    def play(self, choose: Choose) -> ScheduleRun:
        try:
            for session_thread in self.threads:
                session_thread.start()
                self.waiting.settle()
            while ready := self._ready():
                name = choose(ready, self.told.moves)
                if name is None:
                    return self.told
                self._move(next(one for one in self.threads if one.name == name), ready)
            if waiting := [one for one in self.threads if one.state != "done"]:
                raise StillRunning(waiting[0].stuck(self.patience))
            self.told.complete = True
        finally:
            self._end()
        for session_thread in self.threads:
            self._expect_alive(session_thread)
            if session_thread.errors:
                self.told.errors[session_thread.name] = session_thread.errors
        return self.told

    def _ready(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.threads if one.state in ("ready", "paused"))

    def _move(self, session_thread: SessionThread, ready: tuple[str, ...]) -> None:
        paused = session_thread.label if session_thread.state == "paused" else ""
        label, number = session_thread.label, session_thread.number + (not paused)
        event = Event(session_thread.name, number, label, paused=paused)
        session_thread.step = (number, label)
        if paused:
            session_thread.state = "running"
            self.race_database.resume(session_thread.race_login)
        else:
            session_thread.go_on()
        self.waiting.settle()
        move = Move(event, ready, Footprint())
        for one in self.threads:
            told, footprint = one.take()
            event.told += [(one.name, one.number, each) for each in told]
            move.footprint |= footprint
        if session_thread.state == "paused":
            event.paused_at = session_thread.label
            move.footprint |= self._halfway(session_thread) if self.learn else Footprint()
        if session_thread.state == "blocked":
            # It may go on during any later move, so nothing is known of what it touches.
            event.waits, move.blocked = True, True
            event.waits_for = self.waiting.whom.get(session_thread.name, ())
            move.footprint = ANYTHING
        self.told.moves.append(move)
        self._expect_alive(session_thread)

    def _halfway(self, session_thread: SessionThread) -> Footprint:
        """Return what was touched by a step that is not at its end."""
        if not session_thread.tracker.plain or self.race_database.relations.secretive:
            return ANYTHING
        asked = query(_HALFWAY, str(session_thread.race_login.pid))
        found = table(self.race_database.plans.ask(asked)[0])
        return self.race_database.relations.touched([[one or "" for one in row] for row in found])

    # -- what goes wrong

    def _expect_alive(self, session_thread: SessionThread) -> None:
        if late := statement_timeout.of_backend(session_thread.race_login.pid, self.moment):
            raise StillRunning(
                f"{session_thread.name} does not return from {session_thread.place}: {late}"
            )
        if session_thread.crash:
            raise session_thread.crash
        if session_thread.race_login.connection.closed or session_thread.race_login.broken:
            raise UserSyncError(
                f"The session of {session_thread.name} ended at {session_thread.place}. A step"
                " must not end its session."
            )

    def _end(self) -> None:
        """Let nobody be left in a step, whatever ended the schedule."""
        if all(one.state == "done" for one in self.threads):
            for one in self.threads:
                one.join(self.patience)
            return
        self.waiting.let_all_go()
        started = [one for one in self.threads if one.started]
        for one in started:
            one.cancel()
            if one.state in ("running", "blocked", "paused"):
                # A thread that waits in libpq for a lock comes back only when its backend ends.
                with suppress(psycopg.Error):
                    self.race_database.control.execute(
                        "select pg_catalog.pg_terminate_backend(%s)", [one.race_login.pid]
                    )
        for one in started:
            if not one.join(self.patience):
                one.race_login.broken = True
