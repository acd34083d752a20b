"""Play one schedule: let one session go on at a time, until all are done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue

import psycopg

from ..model.errors import StillRunning, UserSyncError
from ..postgres import statement_timeout
from .footprint import ANYTHING, Footprint
from .model import Event, Session
from .moves import Choose, Move, Play
from .prepared import table
from .race_database import Arena
from .session_thread import News, Player
from .waiting import Waiting

_HALFWAY = """
    select coalesce(relation::text, 'advisory ' || classid || ',' || objid), mode, locktype
    from pg_catalog.pg_locks
    where pid = $1 and locktype in ('relation', 'advisory') and granted
        and coalesce(classid, 0) <> 1970495845
"""


class Runner:
    """Plays schedules of the same sessions in one arena."""

    def __init__(self, arena: Arena, sessions: Sequence[Session], patience: float) -> None:
        self.arena = arena
        self.sessions = tuple(sessions)
        self.patience = patience

    def play(self, choose: Choose, *, learn: bool = False) -> Play:
        """Play one schedule to its end, unless enough has been seen before.

        Args:
            choose: who is to go on.
            learn: whether to find out what each move touches.

        Raises:
            UserSyncError: a session never came back, or died.
        """
        with ExitStack() as lines:
            news: News = SimpleQueue()
            cast = []
            for session in self.sessions:
                login, _ = self.arena.part(session.role, session.claims)
                line = lines.enter_context(self.arena.line(login))
                cast.append(Player(session, line, news, self.arena, learn=learn))
            stage = _Stage(self.arena, cast, news, self.patience, learn=learn)
            return stage.play(choose)


class _Stage:
    """The sessions of one schedule."""

    def __init__(
        self, arena: Arena, cast: list[Player], news: News, patience: float, *, learn: bool
    ) -> None:
        self.arena = arena
        self.learn = learn
        self.cast = cast
        self.patience = patience
        self.moment = statement_timeout.mark()
        self.waiting = Waiting(arena, cast, news, patience)
        self.told = Play(backends=[(player.line.pid, player.name) for player in cast])

    def play(self, choose: Choose) -> Play:
        try:
            for player in self.cast:
                player.start()
                self.waiting.settle()
            while ready := self._ready():
                name = choose(ready, self.told.moves)
                if name is None:
                    return self.told
                self._move(next(one for one in self.cast if one.name == name), ready)
            if waiting := [one for one in self.cast if one.state != "done"]:
                raise StillRunning(waiting[0].stuck(self.patience))
            self.told.complete = True
        finally:
            self._end()
        for player in self.cast:
            self._expect_alive(player)
            if player.errors:
                self.told.errors[player.name] = player.errors
        return self.told

    def _ready(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.cast if one.state in ("ready", "paused"))

    def _move(self, player: Player, ready: tuple[str, ...]) -> None:
        paused = player.label if player.state == "paused" else ""
        label, number = player.label, player.number + (not paused)
        event = Event(player.name, number, label, paused=paused)
        player.step = (number, label)
        if paused:
            player.state = "running"
            self.arena.resume(player.line)
        else:
            player.go_on()
        self.waiting.settle()
        move = Move(event, ready, Footprint())
        for one in self.cast:
            told, footprint = one.take()
            event.told += [(one.name, one.number, each) for each in told]
            move.footprint |= footprint
        if player.state == "paused":
            event.paused_at = player.label
            move.footprint |= self._halfway(player) if self.learn else Footprint()
        if player.state == "blocked":
            event.waits, move.blocked = True, True
            event.waits_for = self.waiting.whom.get(player.name, ())
            move.footprint = ANYTHING
        self.told.moves.append(move)
        self._expect_alive(player)

    def _halfway(self, player: Player) -> Footprint:
        """Return what was touched by a step that is not at its end."""
        if not player.tracker.plain or self.arena.relations.secretive:
            return ANYTHING
        found = table(self.arena.plans.ask((_HALFWAY, [str(player.line.pid)]))[0])
        return self.arena.relations.touched([[one or "" for one in row] for row in found])

    # -- what goes wrong

    def _expect_alive(self, player: Player) -> None:
        if late := statement_timeout.of_backend(player.line.pid, self.moment):
            raise StillRunning(f"{player.name} does not come back from {player.place}: {late}")
        if player.crash:
            raise player.crash
        if player.line.connection.closed or player.line.broken:
            raise UserSyncError(
                f"The session of {player.name} died at {player.place}. Let no step end a session."
            )

    def _end(self) -> None:
        """Let nobody be left in a step, whatever ended the schedule."""
        if all(one.state == "done" for one in self.cast):
            for one in self.cast:
                one.join(self.patience)
            return
        self.waiting.let_all_go()
        started = [one for one in self.cast if one.started]
        for one in started:
            one.cancel()
            if one.state in ("running", "blocked", "paused"):
                with suppress(psycopg.Error):
                    self.arena.control.execute(
                        "select pg_catalog.pg_terminate_backend(%s)", [one.line.pid]
                    )
        for one in started:
            if not one.join(self.patience):
                one.line.broken = True
