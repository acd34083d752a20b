"""The state of each session: at a step, in one, or waiting for another."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty

from ..model.errors import StillRunning
from ..postgres.pipeline import query
from ..postgres.prepared import array, table
from .race_database import RaceDatabase
from .session_thread import News, SessionThread

# A session says by itself that it waits. This is for one whose settings keep it from saying so.
_SILENCE = 0.02
# The function that PostgreSQL's own isolation tests ask: besides locks it knows the wait for a
# safe snapshot, and it looks only at the sessions named.
_BLOCKED = """
    select
        session.pid,
        pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(session.pid), ' ') as blockers
    from pg_catalog.unnest($2::int4[]) as session (pid)
    where pg_catalog.pg_isolation_test_session_is_blocked(session.pid, $1::int4[])
"""


class Waiting:
    """Waits for the sessions, and sees who waits for whom.

    Whoever waits for another is stopped as a process, where the server is our own, until it has
    got what it waits for and everybody else is quiet: two that wait for one row go on in the order
    in which they came, which PostgreSQL itself leaves to chance.
    """

    def __init__(
        self,
        race_database: RaceDatabase,
        threads: Sequence[SessionThread],
        news: News,
        patience: float,
    ) -> None:
        self.whom: dict[str, tuple[str, ...]] = {}
        self._plans = race_database.plans
        self._stops = race_database.subject.server.own
        self._names = {
            session_thread.race_login.pid: session_thread.name for session_thread in threads
        }
        self._threads = threads
        self._news = news
        self._patience = patience
        self._stopped: list[SessionThread] = []

    def settle(self) -> None:
        """Wait until everybody has come to a step, is done, or is blocked by somebody.

        Raises:
            StillRunning: somebody does not come back.
        """
        while True:
            self._quiet()
            found = self._blocked(self._stopped)
            free = next((one for one in self._stopped if one.name not in found), None)
            if free is None:
                break
            self._go_on(free)
        for one in self._threads:
            if one.state == "blocked":
                self._stop(one)

    def _quiet(self) -> None:
        """Wait until all who are not stopped have come to a step, are done, or blocked."""
        said: set[str] = set()
        heard = time.monotonic()
        while True:
            running = [one for one in self._threads if one.state == "running" and one.started]
            if not running and not self._awake("blocked"):
                return
            # They say that they wait. Whether it is for a lock, only the server knows.
            if all(one.name in said for one in running):
                if self._all_blocked():
                    return
                said.clear()
                continue
            try:
                kind, session_thread = self._news.get(timeout=_SILENCE)
            except Empty:
                if time.monotonic() - heard > self._patience:
                    raise StillRunning(running[0].stuck(self._patience)) from None
                said |= self._silent(running)
                continue
            heard = time.monotonic()
            if kind != "waits":
                session_thread.state = kind
            elif not session_thread.impatient:
                said.add(session_thread.name)

    def _awake(self, *states: str) -> list[SessionThread]:
        return [
            one
            for one in self._threads
            if one.state in states and one.started and one not in self._stopped
        ]

    def _all_blocked(self) -> bool:
        """Ask the server who is blocked; whoever is not is running again."""
        open_ = self._awake("running", "blocked")
        found = self._blocked(open_)
        for one in open_:
            one.state = "blocked" if one.name in found else "running"
        return len(found) == len(open_)

    def _silent(self, running: list[SessionThread]) -> set[str]:
        """Return who is blocked now and was so a moment ago, without having said so."""
        found = self._blocked([one for one in running if not one.impatient])
        silent = {one.name for one in running if one.name in found and one.doubted}
        for one in running:
            one.doubted = one.name in found
        return silent

    def _blocked(self, session_threads: Sequence[SessionThread]) -> set[str]:
        if not session_threads:
            return set()
        pids = array([one.race_login.pid for one in session_threads])
        asked = query(_BLOCKED, array(list(self._names)), pids)
        found = set()
        for pid, blockers in table(self._plans.ask(asked)[0]):
            name = self._names[int(pid or 0)]
            found.add(name)
            others = map(int, (blockers or "").split())
            self.whom[name] = tuple(self._names[one] for one in others if one in self._names)
        return found

    def _stop(self, session_thread: SessionThread) -> None:
        if (
            self._stops
            and session_thread not in self._stopped
            and _signal(session_thread, signal.SIGSTOP)
        ):
            self._stopped.append(session_thread)

    def _go_on(self, session_thread: SessionThread) -> None:
        self._stopped.remove(session_thread)
        session_thread.state = "running"
        _signal(session_thread, signal.SIGCONT)

    def let_all_go(self) -> None:
        """Let nobody stay stopped."""
        while self._stopped:
            self._go_on(self._stopped[0])


def _signal(session_thread: SessionThread, number: signal.Signals) -> bool:
    """Send a signal to the process of a session; return whether that may be done."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(session_thread.race_login.pid, number)
        return True
    return False
