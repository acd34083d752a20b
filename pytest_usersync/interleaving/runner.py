"""Play one schedule: let one session go on at a time, and see who waits for whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import psycopg

from ..errors import UserSyncError
from .arena import Arena
from .footprint import ANYTHING, Footprint
from .model import Change, Event, Session, Told
from .player import News, Player

# A session says by itself that it waits. This is for one whose settings keep it from saying so.
_SILENCE = 0.02
_BLOCKED = b"""
    select
        session.pid,
        pg_catalog.pg_isolation_test_session_is_blocked(session.pid, $1::int4[]) as blocked,
        pg_catalog.pg_blocking_pids(session.pid) as blockers
    from pg_catalog.unnest($2::int4[]) as session (pid)
"""
_HALFWAY = b"""
    select coalesce(relation::text, 'advisory ' || classid || ',' || objid), mode, locktype
    from pg_catalog.pg_locks
    where pid = $1 and locktype in ('relation', 'advisory') and granted
        and coalesce(classid, 0) <> 1970495845
"""


@dataclass(slots=True)
class Move:
    """An event, who could have gone on instead, and what was touched."""

    event: Event
    ready: tuple[str, ...]
    footprint: Footprint
    blocked: bool = False


@dataclass(slots=True)
class Play:
    """What came of one schedule, as far as it was played."""

    moves: list[Move] = field(default_factory=list)
    errors: dict[str, list[Told]] = field(default_factory=dict)
    backends: list[tuple[int, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    complete: bool = False


# Who is to go on, of those who can, after these moves; None: enough has been seen.
Choose = Callable[[tuple[str, ...], Sequence[Move]], str | None]


class Runner:
    """Plays schedules of the same sessions in one arena."""

    def __init__(self, arena: Arena, sessions: Sequence[Session], patience: float) -> None:
        self.arena = arena
        self.sessions = tuple(sessions)
        self.patience = patience

    def play(self, choose: Choose, *, learn: bool = False, leave_out: Sequence[str] = ()) -> Play:
        """Play one schedule to its end; whoever is left out does nothing.

        Raises:
            UserSyncError: a session never came back, or died.
        """
        with ExitStack() as lines:
            players = []
            for session in self.sessions:
                if session.name not in leave_out:
                    login, _ = self.arena.part(session.role, session.claims)
                    players.append((session, lines.enter_context(self.arena.line(login))))
            news: News = SimpleQueue()
            cast = [Player(*one, news, self.arena, learn=learn) for one in players]
            return _Stage(self.arena, cast, news, self.patience).play(choose)


class _Stage:
    """The sessions of one schedule."""

    def __init__(self, arena: Arena, cast: list[Player], news: News, patience: float) -> None:
        self.arena = arena
        self.cast = cast
        self.news = news
        self.patience = patience
        self.steps: dict[str, tuple[int, str]] = {}
        self.waited_for: dict[str, tuple[str, ...]] = {}
        self.told = Play(backends=[(player.line.pid, player.name) for player in cast])

    def play(self, choose: Choose) -> Play:
        try:
            for player in self.cast:
                player.start()
                self._settle()
            while ready := self._ready():
                name = choose(ready, self.told.moves)
                if name is None:
                    return self.told
                self._move(next(one for one in self.cast if one.name == name), ready)
            if waiting := [one for one in self.cast if one.state != "done"]:
                raise UserSyncError(self._stuck(waiting[0]))
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
        self.steps[player.name] = (number, label)
        if paused:
            player.state = "running"
            self.arena.resume(player.line)
        else:
            player.go_on()
        self._settle()
        move = Move(event, ready, Footprint())
        for one in self.cast:
            told, footprint = one.take()
            event.told += [(one.name, one.number, each) for each in told]
            move.footprint |= footprint
        if player.state == "paused":
            event.paused_at = player.label
            move.footprint |= self._halfway(player)
        if player.state == "blocked":
            event.waits, move.blocked = True, True
            event.waits_for = self.waited_for.get(player.name, ())
            move.footprint = ANYTHING
        self.told.moves.append(move)
        self._expect_alive(player)

    def _halfway(self, player: Player) -> Footprint:
        """Return what was touched by a step that is not at its end."""
        if player.session.isolation not in (None, "read committed"):
            return ANYTHING
        cursor: psycopg.RawCursor[tuple[str, str, str]] = psycopg.RawCursor(
            self.arena.control, row_factory=psycopg.rows.tuple_row
        )
        found = cursor.execute(_HALFWAY, [player.line.pid], prepare=True).fetchall()
        return self.arena.relations.touched(found)

    # -- who is where

    def _settle(self) -> None:
        """Wait until everybody has come to a step, is done, or is blocked by somebody."""
        said: set[str] = set()
        heard = time.monotonic()
        while True:
            running = [one for one in self.cast if one.state == "running" and one.started]
            if not running and not any(one.state == "blocked" for one in self.cast):
                return
            if all(one.name in said for one in running):
                if self._all_blocked():
                    return
                said.clear()
                continue
            try:
                kind, player = self.news.get(timeout=_SILENCE)
            except Empty:
                if time.monotonic() - heard > self.patience:
                    raise UserSyncError(self._stuck(running[0])) from None
                said |= self._silent(running)
                continue
            heard = time.monotonic()
            if kind == "waits":
                if not player.impatient:
                    said.add(player.name)
            else:
                player.state = kind

    def _all_blocked(self) -> bool:
        """Ask the server who is blocked; whoever is not is running again."""
        open_ = [one for one in self.cast if one.state in ("running", "blocked") and one.started]
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

    def _blocked(self, players: list[Player]) -> set[str]:
        names = dict(self.told.backends)
        cursor: psycopg.RawCursor[tuple[int, bool, list[int]]] = psycopg.RawCursor(
            self.arena.control, row_factory=psycopg.rows.tuple_row
        )
        pids = [one.line.pid for one in players]
        found = set()
        for pid, blocked, blockers in cursor.execute(_BLOCKED, [list(names), pids], prepare=True):
            if blocked:
                found.add(names[pid])
                self.waited_for[names[pid]] = tuple(names[one] for one in blockers if one in names)
        return found

    # -- what goes wrong

    def _stuck(self, player: Player) -> str:
        number, label = self.steps.get(player.name, (player.number, player.label))
        return (
            f"{player.name} does not come back from step {number}, {_short(label)!r}, within"
            f" {self.patience:g} s. Let the step end by itself, or give the race more patience."
        )

    def _expect_alive(self, player: Player) -> None:
        if player.crash:
            raise player.crash
        if player.line.connection.closed or player.line.broken:
            number, label = self.steps.get(player.name, (1, player.label))
            raise UserSyncError(
                f"The session of {player.name} died at step {number}, {_short(label)!r}."
                " Let no step end a session."
            )

    def _end(self) -> None:
        """Let nobody be left in a step, whatever ended the schedule."""
        if all(one.state == "done" for one in self.cast):
            for one in self.cast:
                one.join(self.patience)
            return
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


def _short(label: str) -> str:
    text = " ".join(label.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
