"""Interrupt a hook that does not return, whatever it waits for."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from psycopg import Error

from ..postgres import MAINTENANCE, Server, database
from ..process import progress, signals

# The signal that other code is least likely to use.
_SIGNAL = getattr(signal, "SIGUSR2", None)
# Seconds between two interrupts, as the hook may catch one; and seconds after the limit of a
# statement, so that the statement is canceled first and the hook fails with PostgreSQL's error.
_INSIST = 1.0
_LATER = 3.0
# A hook that keeps sending statements is interrupted after this many times the limit.
_MOST = 10
# After so many interrupts that it catches, the process is ended, with the code of a wrong setting.
_TIMES = 5
_CODE = 4
_LIFE = """
    select min(
        extract(
            epoch from pg_catalog.clock_timestamp()
            - greatest(backend_start, query_start, state_change)
        )
    )::float8 as seconds
    from pg_catalog.pg_stat_activity
    where datname = %s and backend_type = 'client backend' and usename is not null
"""


class Interrupted(BaseException):
    """The hook ran too long. Its own ``except Exception`` does not catch this."""


@contextmanager
def interrupt_when_quiet(
    server: Server, name: str, limit: float, hook: str = "the hook"
) -> Iterator[None]:
    """Raise ``Interrupted`` in the block when it has sent no new statement for a time.

    A statement that runs has a limit of its own. Python handles signals in the main thread only: in
    another thread the block is not interrupted.

    Args:
        server: where the database is.
        name: the database that the hook works on.
        limit: seconds without a new statement.
        hook: what it is called.
    """
    main = threading.current_thread() is threading.main_thread()
    if _SIGNAL is None or not main:
        yield
        return
    over = threading.Event()

    def interrupt(_: int, __: FrameType | None) -> NoReturn:
        raise Interrupted(f"still running after {limit:g} s, so it was interrupted")

    earlier = signal.signal(_SIGNAL, interrupt)
    watch = (server, name, limit + _LATER, over, hook)
    waiting = threading.Thread(target=_watch, args=watch, name="usersync-hook", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        signal.signal(_SIGNAL, signal.SIG_IGN)
        waiting.join(_INSIST)
        signal.signal(_SIGNAL, earlier)


def _watch(server: Server, name: str, patience: float, over: threading.Event, hook: str) -> None:
    """Interrupt the main thread whenever the database is quiet, until it is over."""
    begun = time.monotonic()
    due = begun + patience
    insisted = 0
    while not over.wait(min(_INSIST, max(due - time.monotonic(), 0.0) or _INSIST)):
        if signals.raised_since(begun):
            insisted += 1
        elif (now := time.monotonic()) >= due:
            quiet = _seconds_quiet(server, name, now - begun)
            if quiet < patience and now - begun < _MOST * patience:
                due = now + max(patience - quiet, _INSIST)
                continue
            insisted += 1
            if _SIGNAL and not over.is_set():
                signal.pthread_kill(threading.main_thread().ident or 0, _SIGNAL)
        if insisted > _TIMES and not over.is_set():
            _end_process(hook)


def _end_process(hook: str) -> NoReturn:
    """End a process that nothing can be raised in; the next run removes what it leaves."""
    progress.tell(
        f"ERROR: {hook} does not end: it catches what would interrupt it, so pytest was ended."
        " Let it catch Exception, not BaseException."
    )
    os._exit(signals.exit_code(_CODE))


def _seconds_quiet(server: Server, name: str, otherwise: float) -> float:
    """Return for how many seconds no session of the database has begun or ended anything."""
    with suppress(Error), database.connect(server, MAINTENANCE) as superuser:
        row = superuser.execute(_LIFE, [name]).fetchone()
        if row and row["seconds"] is not None:
            return min(float(row["seconds"]), otherwise)
    return otherwise
