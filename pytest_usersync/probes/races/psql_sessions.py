"""Type SQL into sessions one after the other, as the reader of a finding does."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from psycopg.pq import ExecStatus

from ...auth.script import taking_roles
from ...migrations.psql_script import cut
from ...postgres.database import Connection

_PATIENCE = 10.0
_PAUSE = 0.001
_BLOCKED = "select pg_catalog.cardinality(pg_catalog.pg_blocking_pids(%s)) > 0 as blocked"


@dataclass(frozen=True, slots=True)
class Block:
    """What is typed into one session; ``title`` says what it is, in a few words."""

    session: int
    title: str
    text: str

    def __str__(self) -> str:
        who = " (psql, as superuser)" if not self.title else ""
        return f"-- session {self.session}{who}:{f' {self.title}' * bool(self.title)}\n{self.text}"


def run_blocks(connect: Callable[[], Connection], blocks: Sequence[Block]) -> list[str] | None:
    """Return the first column of what the last query gives; None if anything is refused.

    Whoever has to wait for another session waits, and the next block is typed meanwhile.
    """
    with ExitStack() as exits:
        control = exits.enter_context(closing(connect()))
        numbers = sorted({one.session for one in blocks})
        sessions = {
            number: _Session(exits.enter_context(closing(connect())), control) for number in numbers
        }
        for one in blocks:
            session = sessions[one.session]
            # Nobody can type into a psql that has not answered yet.
            if not session.finish():
                return None
            session.type(one.text)
            for other in sessions.values():
                other.settle()
        rest = all(session.finish() for session in sessions.values())
        return sessions[blocks[-1].session].column if rest else None


class _Session:
    """One window of psql."""

    def __init__(self, connection: Connection, control: Connection) -> None:
        self.column: list[str] = []
        self._connection = connection
        self._control = control
        self._waiting: list[str] = []
        self._busy = False
        self._refused = False

    def type(self, text: str) -> None:
        """Send statements, one after the other as psql does."""
        self._waiting = [taking_roles(one.text) for one in cut(text)]
        self._next()

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            self._connection.pgconn.send_query(self._waiting.pop(0).encode())

    def settle(self) -> None:
        """Wait until all is done, or waits for another session."""
        if self._busy:
            self._read(stops=True)

    def finish(self) -> bool:
        """Wait until all is done, and return whether nothing was refused."""
        if self._busy:
            self._read(stops=False)
        return not (self._busy or self._refused)

    def _read(self, *, stops: bool) -> None:
        pgconn, deadline = self._connection.pgconn, time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(pgconn.socket, selectors.EVENT_READ)
            while time.monotonic() < deadline:
                while not pgconn.is_busy():
                    answer = pgconn.get_result()
                    if answer is None:
                        self._next()
                        if not self._busy:
                            return
                        continue
                    self._refused |= answer.status == ExecStatus.FATAL_ERROR
                    rows = range(answer.ntuples)
                    self.column = [(answer.get_value(row, 0) or b"").decode() for row in rows]
                if selector.select(_PAUSE):
                    pgconn.consume_input()
                elif stops and self._blocked():
                    return

    def _blocked(self) -> bool:
        pid = self._connection.info.backend_pid
        return any(row["blocked"] for row in self._control.execute(_BLOCKED, [pid]))
