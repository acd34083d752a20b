"""A session at work, in a thread of its own: it comes to a step, waits for its turn, takes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from .footprint import Footprint
from .model import Session, StatementResult, refusing_table, sqlstate
from .session_steps import perform
from .tracker import Tracker

if TYPE_CHECKING:
    from .race_connection import RaceLogin
    from .race_database import RaceDatabase

T = TypeVar("T")
# What happened, and to whom: "ready", "waits", "paused", "done".
News: TypeAlias = "SimpleQueue[tuple[str, SessionThread]]"

PAUSE = "usersync_race: "
_ROWS = 1000
_LABEL = 60


# The app's own `except Exception` must not catch it.
class Cancelled(BaseException):
    """The schedule has ended before the session."""


class SessionThread:
    """One session in one schedule.

    ``state`` is ``ready`` when it has come to a step and waits for its turn, ``paused`` in the
    middle of one, ``running``, ``blocked`` by another session, or ``done``.
    """

    def __init__(
        self,
        session: Session,
        race_login: RaceLogin,
        news: News,
        race_database: RaceDatabase,
        *,
        learn: bool,
    ) -> None:
        self.session = session
        self.name = session.name
        self.race_login = race_login
        self.race_database = race_database
        self.state = "running"
        self.started = False
        self.impatient = session.impatient
        self.doubted = False
        self.label = ""
        self.number = 0
        self.step = (1, "")
        self.told: list[StatementResult] = []
        self.errors: list[StatementResult] = []
        self.crash: BaseException | None = None
        self.given: object = race_login.connection
        self.tracker = Tracker(race_login, race_database, learn=learn)
        self._learn = learn
        self._news = news
        self._turn = threading.Semaphore(0)
        self._cancelled = False
        self._free = False
        self._thread = threading.Thread(target=self._play, name=self.name, daemon=True)

    # -- for whoever directs the schedule

    def start(self) -> None:
        """Let it come to its first step."""
        self.started = True
        self._thread.start()

    def go_on(self) -> None:
        """Let it take the step that it has come to."""
        self.doubted = False
        self.state = "running"
        self._turn.release()

    def cancel(self) -> None:
        """Let it end instead of taking its next step."""
        self._cancelled = True
        self._turn.release()

    def join(self, patience: float) -> bool:
        """Wait until it has ended; return whether it has."""
        if self.started:
            self._thread.join(patience)
        return not self._thread.is_alive()

    def take(self) -> tuple[list[StatementResult], Footprint]:
        """Return what it was told and what it touched since it was asked last."""
        told, self.told = self.told, []
        return told, self.tracker.take()

    @property
    def place(self) -> str:
        """Where it was let go on last, or is still on its way to."""
        number, label = self.step
        text = " ".join((label or self.label).split())
        return f"step {number}, {text if len(text) <= _LABEL else text[: _LABEL - 3] + '...'!r}"

    def stuck(self, patience: float) -> str:
        """Say that it does not come back."""
        return (
            f"{self.name} does not return from {self.place} within {patience:g} s. Make the step"
            " end, or increase the patience of the race."
        )

    @property
    def flowing(self) -> bool:
        """Whether what it sends in one call may go together: nobody is to step between, or look."""
        session = self.session
        return session.auth is not None and session.cut == "calls" and not self._learn

    # -- in its own thread

    def _play(self) -> None:
        try:
            self.race_login.connection.listener = self
            perform(self)
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001  It is told where the schedule is directed.
            self.crash = error
        finally:
            self._leave()
            self._news.put(("done", self))

    def _leave(self) -> None:
        with suppress(psycopg.Error):
            self.tracker.let_go()
        self.race_login.clean()

    def turn(self, label: str) -> None:
        """Come to a step, and wait until it may be taken."""
        if self._free:
            return
        self.tracker.look()
        self.label = label
        self._news.put(("ready", self))
        self._turn.acquire()
        if self._cancelled:
            raise Cancelled
        self.number += 1
        self._free = self.session.cut == "calls"

    def next_step(self) -> None:
        """Come to a step even where code is not cut."""
        self._free = False

    def statement(
        self, cursor: psycopg.Cursor[Any], text: str, sent: tuple[Any, ...], run: Callable[[], T]
    ) -> T:
        """Run one statement of the session's, when it is its turn."""
        if self.session.cut == "statements" or not self.number:
            self.turn(text)
        wrapped = self.tracker.wraps(text)
        self.tracker.runs(text)
        if wrapped:
            self.race_login.send(b"begin")
        try:
            result = run()
            self.tracker.ran(text)
            if wrapped:
                self.tracker.let_go()
                self.race_login.send(b"commit")
        except psycopg.Error as error:
            self.tracker.lost()
            if wrapped and not cursor.connection.closed:
                self.race_login.send(b"rollback")
            self.told.append(failed(text, error, sent))
            raise
        if cursor.pgresult is None:
            self.told.append(StatementResult(text, sent=sent))
        else:
            self.told.append(_answer(text, cursor.pgresult, sent))
        return result

    def statements(self, texts: Sequence[str], run: Callable[[], list[PGresult]]) -> list[PGresult]:
        """Run statements of one call together, when it is its turn."""
        if not self.number:
            self.turn(texts[0])
        results = run()
        for text, result in zip(texts, results, strict=False):
            if result.status == ExecStatus.FATAL_ERROR:
                error = psycopg.errors.error_from_result(result)
                self.told.append(failed(text, error))
            else:
                self.told.append(_answer(text, result))
        return results

    def commit(self, run: Callable[[], T]) -> T:
        """Run a commit of the session's, when it is its turn."""
        if self.session.cut != "calls":
            self.turn("commit")
        self.tracker.let_go()
        try:
            result = run()
        except psycopg.Error as error:
            self.tracker.lost()
            self.told.append(failed("commit", error))
            raise
        self.told.append(StatementResult("commit"))
        return result

    def rollback(self, run: Callable[[], T]) -> T:
        """Run a rollback of the session's, for which there is no turn."""
        self.tracker.let_go()
        return run()

    def lost(self) -> None:
        """Take in that a part of a transaction is taken back."""
        self.tracker.lost()

    def refused(self, text: str, error: BaseException) -> None:
        """Note the error that a step ended in."""
        self.errors.append(failed(text, error))

    def heard(self, notice: psycopg.errors.Diagnostic) -> None:
        """Tell that the session waits, or pauses, when the server says so."""
        said = notice.message_primary or ""
        if said.startswith(PAUSE):
            self.label = said.removeprefix(PAUSE)
            self._news.put(("paused", self))
        elif notice.severity_nonlocalized == "LOG":
            self._news.put(("waits", self))


def failed(text: str, error: BaseException, sent: tuple[Any, ...] = ()) -> StatementResult:
    """Return what is told by an error."""
    words = str(error).strip().splitlines() or [type(error).__name__]
    state, table = sqlstate(error), refusing_table(error)
    return StatementResult(text, sqlstate=state, error=words[0], sent=sent, table=table)


def _answer(text: str, result: PGresult, sent: tuple[Any, ...] = ()) -> StatementResult:
    columns = tuple((result.fname(i) or b"").decode() for i in range(result.nfields))
    rows = tuple(
        tuple(_text(result.get_value(row, i)) for i in range(result.nfields))
        for row in range(min(result.ntuples, _ROWS))
    )
    origins = tuple((result.ftable(i), result.ftablecol(i)) for i in range(result.nfields))
    count = result.ntuples if columns else result.command_tuples
    return StatementResult(text, columns, origins, rows, -1 if count is None else count, sent=sent)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
