"""End statements of the project that do not come to an end by themselves.

PostgreSQL has a limit of its own, ``statement_timeout``, but the project can switch that off, and
sees what it is set to. So one thread of this process looks from outside, in ``pg_stat_activity``,
at what the databases of this process are busy with: nothing is paid for a statement, and
connections that the project opens itself are seen too. What runs too long is cancelled; if that
does not help its session is ended, and if that does not help either our end of it is cut.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import psycopg
from psycopg.rows import DictRow

from ..model.safe_text import one_line
from . import MAINTENANCE, Server, conninfo, database

# Seconds. Supabase Auth itself ends a request after ten (GOTRUE_API_MAX_REQUEST_DURATION), so a
# signup that takes longer is lost; what a check runs besides is done in milliseconds.
STATEMENT = 10.0
# A migration or a seed may move many rows, and is applied once.
LOADING = 60.0

# Between a cancel and the end of the session, and between that and the end of our own waiting.
_INSIST = 1.0
# Once a statement took too long, the next one that does is not worth as much waiting.
_LEAST = 10
_LONGEST_PAUSE = 0.5
# An error that comes later than this after a statement was ended comes of something else.
_FRESH = 10.0
_MARK = "usersync_overrun"
_SHOWN = 100

# What a statement waits for that others hold may be let go of yet, and a race means it to wait.
_LOOK = """
    select
        pid,
        datname::text as database,
        query_start,
        extract(epoch from pg_catalog.clock_timestamp() - query_start)::float8 as seconds,
        coalesce(wait_event_type = 'Lock', false) as waits,
        query
    from pg_catalog.pg_stat_activity
    where
        datname ~ %s
        and state in ('active', 'fastpath function call')
        and wait_event is distinct from 'ClientRead'
        and pid <> pg_catalog.pg_backend_pid()
"""
_END = """
    select pg_catalog.{}(pid) as done
    from pg_catalog.pg_stat_activity
    where pid = %s and query_start = %s and state in ('active', 'fastpath function call')
"""


@dataclass(eq=False)
class Overrun:
    """A statement that ran too long.

    Args:
        pid: its backend.
        seconds: how long it was given.
        query: its text, as far as PostgreSQL shows it.
        at: when it was ended, by the monotonic clock.
        ended: whether its session had to be ended with it.
    """

    pid: int
    seconds: float
    query: str
    at: float
    ended: bool = False
    _error: bool = False

    @property
    def message(self) -> str:
        """Say what was done, without the statement."""
        what = "its session was ended" if self.ended else "it was cancelled"
        return f"still running after {self.seconds:g} s, so {what}"

    def __str__(self) -> str:
        return f"a statement was {self.message}: {one_line(self.query, _SHOWN)}"

    def claim(self) -> bool:
        """Take it for the reason of one error; another error has another reason."""
        fresh = not self._error and time.monotonic() - self.at < _FRESH
        self._error = self._error or fresh
        return fresh


_Handled: TypeAlias = "tuple[datetime, Overrun, float]"

_found: list[Overrun] = []
_watches: dict[str, tuple[_Watchdog, int]] = {}
_own_limits: dict[str, float] = {}
_current: list[float | None] = []


class _Watchdog(threading.Thread):
    """Looks at the databases of this process on one server."""

    def __init__(self, server: Server) -> None:
        super().__init__(name="usersync-statement-timeout", daemon=True)
        self._server = server
        self._names = database.own_names()
        self._over = threading.Event()
        self._connection: database.Connection | None = None
        self._handled: dict[int, _Handled] = {}
        self._counts: dict[str, int] = {}

    def run(self) -> None:
        """Look until it is over; a server that does not answer has nothing to be looked at."""
        try:
            while not self._over.wait(_pause()):
                with suppress(psycopg.Error, OSError):
                    self._look()
        finally:
            if self._connection:
                self._connection.close()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join(2 * _INSIST)

    def _look(self) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = database.connect(self._server, MAINTENANCE)
        rows = self._connection.execute(_LOOK, [self._names]).fetchall()
        running = {row["pid"]: row for row in rows}
        self._handled = {
            pid: one
            for pid, one in self._handled.items()
            if pid in running and running[pid]["query_start"] == one[0]
        }
        for row in rows:
            self._handle(self._connection, row)

    def _handle(self, connection: database.Connection, row: DictRow) -> None:
        pid = row["pid"]
        if pid in self._handled:
            begun, overrun, since = self._handled[pid]
            if time.monotonic() - since < _INSIST:
                return
            if overrun.ended:
                _cut(pid)
            else:
                overrun.ended = True
                connection.execute(_END.format("pg_terminate_backend").encode(), [pid, begun])
            self._handled[pid] = (begun, overrun, time.monotonic())
        elif row["seconds"] > (limit := self._limit(row)):
            self._cancel(connection, row, limit)

    def _cancel(self, connection: database.Connection, row: DictRow, limit: float) -> None:
        overrun = Overrun(row["pid"], limit, row["query"] or "", time.monotonic())
        # Whoever waits for the statement may hear of its end before we do.
        _found.append(overrun)
        given = [row["pid"], row["query_start"]]
        if not connection.execute(_END.format("pg_cancel_backend").encode(), given).fetchone():
            _found.remove(overrun)
            return
        self._handled[row["pid"]] = (row["query_start"], overrun, time.monotonic())
        kind = self._kind(row["database"])
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def _kind(self, name: str) -> str:
        return name if name in _own_limits else ""

    def _limit(self, row: DictRow) -> float:
        """Return how long a statement may take: less once others like it took too long."""
        name = row["database"]
        limit = _own_limits.get(name, statement())
        if row["waits"]:
            return float("inf") if name.startswith(f"{database.PREFIX}race_") else limit
        return float(limit / min(2 ** self._counts.get(self._kind(name), 0), _LEAST))


@contextmanager
def watching(server: Server, given: float | None = None) -> Iterator[None]:
    """End what takes too long in the databases that this process makes on a server.

    Args:
        given: the limit that the user gave, in seconds, for whatever runs; by default
            ``STATEMENT``, and ``LOADING`` where ``allowing`` says so.
    """
    watch, users = _watches.get(server.conninfo) or (_Watchdog(server), 0)
    if not users:
        watch.start()
    _watches[server.conninfo] = (watch, users + 1)
    _current.append(given if given is not None or not _current else _current[-1])
    try:
        yield
    finally:
        _current.pop()
        watch, users = _watches.pop(server.conninfo)
        if users > 1:
            _watches[server.conninfo] = (watch, users - 1)
        else:
            watch.stop()


@contextmanager
def allowing(name: str, seconds: float) -> Iterator[None]:
    """Give the statements in one database a limit of their own."""
    _own_limits[name] = seconds
    try:
        yield
    finally:
        del _own_limits[name]


def statement() -> float:
    """Return the seconds that a statement of a check may take."""
    return (_current[-1] if _current else None) or STATEMENT


def loading() -> float:
    """Return the seconds that a statement may take while the project is loaded."""
    return (_current[-1] if _current else None) or LOADING


def loading_in(name: str) -> float:
    """Return the seconds that a statement may take while the project is loaded into a database."""
    return _own_limits.get(name) or loading()


def mark() -> int:
    """Return the moment, for ``since``."""
    return len(_found)


def since(moment: int) -> list[Overrun]:
    """Return the statements that took too long after a moment."""
    return _found[moment:]


def advice() -> str:
    """Say that something was ended, after what time, and how to give more."""
    loaded = f", {loading():g} s while the project is loaded" * (loading() != statement())
    return (
        f"A statement took too long and was ended: the limit is {statement():g} s{loaded}, and"
        " lower after the first such statement. --usersync-statement-timeout=SECONDS allows more."
    )


def behind(error: BaseException | None) -> Overrun | None:
    """Return the statement whose end an error of psycopg tells of, if it took too long."""
    if not isinstance(error, psycopg.Error):
        return None
    known: Overrun | None = getattr(error, _MARK, None)
    # Cancelled; session ended; connection cut. Where libpq alone noticed, there is no SQLSTATE.
    if known is None and error.sqlstate in (None, "57014", "57P01", "08006"):
        known = next((one for one in reversed(_found) if one.claim()), None)
        if known:
            setattr(error, _MARK, known)
    return known


def of_backend(pid: int, moment: int) -> Overrun | None:
    """Return the last statement of a backend that took too long after a moment."""
    return next((one for one in reversed(since(moment)) if one.pid == pid), None)


def _pause() -> float:
    least = min(statement(), *_own_limits.values()) if _own_limits else statement()
    return min(_LONGEST_PAUSE, least / 8)


def _cut(pid: int) -> None:
    """Let whoever waits for a backend wait no more: it does not even end."""
    connection = conninfo.session(pid)
    if connection is None or connection.closed:
        return
    with suppress(OSError, psycopg.Error):
        ours = socket.socket(fileno=os.dup(connection.fileno()))
        with ours:
            ours.shutdown(socket.SHUT_RDWR)
