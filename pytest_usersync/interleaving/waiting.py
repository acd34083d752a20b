"""Who of the sessions is where: at a step, in one, or waiting for another."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty

from ..model.errors import StillRunning
from .prepared import array, table
from .race_database import Arena
from .session_thread import News, Player

# A session says by itself that it waits. This is for one whose settings keep it from saying so.
_SILENCE = 0.02
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

    def __init__(self, arena: Arena, cast: Sequence[Player], news: News, patience: float) -> None:
        self.whom: dict[str, tuple[str, ...]] = {}
        self._plans = arena.plans
        self._stops = arena.subject.server.own
        self._names = {player.line.pid: player.name for player in cast}
        self._cast = cast
        self._news = news
        self._patience = patience
        self._stopped: list[Player] = []

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
        for one in self._cast:
            if one.state == "blocked":
                self._stop(one)

    def _quiet(self) -> None:
        """Wait until all who are not stopped have come to a step, are done, or blocked."""
        said: set[str] = set()
        heard = time.monotonic()
        while True:
            running = [one for one in self._cast if one.state == "running" and one.started]
            if not running and not self._awake("blocked"):
                return
            if all(one.name in said for one in running):
                if self._all_blocked():
                    return
                said.clear()
                continue
            try:
                kind, player = self._news.get(timeout=_SILENCE)
            except Empty:
                if time.monotonic() - heard > self._patience:
                    raise StillRunning(running[0].stuck(self._patience)) from None
                said |= self._silent(running)
                continue
            heard = time.monotonic()
            if kind != "waits":
                player.state = kind
            elif not player.impatient:
                said.add(player.name)

    def _awake(self, *states: str) -> list[Player]:
        return [
            one
            for one in self._cast
            if one.state in states and one.started and one not in self._stopped
        ]

    def _all_blocked(self) -> bool:
        """Ask the server who is blocked; whoever is not is running again."""
        open_ = self._awake("running", "blocked")
        found = self._blocked(open_)
        for one in open_:
            one.state = "blocked" if one.name in found else "running"
        return len(found) == len(open_)

    def _silent(self, running: list[Player]) -> set[str]:
        """Return who is blocked now and was so a moment ago, without having said so."""
        found = self._blocked([one for one in running if not one.impatient])
        silent = {one.name for one in running if one.name in found and one.doubted}
        for one in running:
            one.doubted = one.name in found
        return silent

    def _blocked(self, players: Sequence[Player]) -> set[str]:
        if not players:
            return set()
        asked = [array(list(self._names)), array([one.line.pid for one in players])]
        found = set()
        for pid, blockers in table(self._plans.ask((_BLOCKED, asked))[0]):
            name = self._names[int(pid or 0)]
            found.add(name)
            others = map(int, (blockers or "").split())
            self.whom[name] = tuple(self._names[one] for one in others if one in self._names)
        return found

    def _stop(self, player: Player) -> None:
        if self._stops and player not in self._stopped and _signal(player, signal.SIGSTOP):
            self._stopped.append(player)

    def _go_on(self, player: Player) -> None:
        self._stopped.remove(player)
        player.state = "running"
        _signal(player, signal.SIGCONT)

    def let_all_go(self) -> None:
        """Let nobody stay stopped."""
        while self._stopped:
            self._go_on(self._stopped[0])


def _signal(player: Player, number: signal.Signals) -> bool:
    """Send a signal to the process of a session; return whether that may be done."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(player.line.pid, number)
        return True
    return False
