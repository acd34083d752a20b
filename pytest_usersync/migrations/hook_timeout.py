"""Interrupt a function of the project that does not return, whatever it waits for."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from psycopg import Error

from ..postgres import MAINTENANCE, Server, database

# Of the signals that have no other meaning here, the one that hardly anybody uses.
_SIGNAL = getattr(signal, "SIGUSR2", None)
# Seconds between two interrupts: the function may catch one. And a statement that takes too long is
# ended first, so that the function has something to tell.
_INSIST = 1.0
_LATER = 3.0
# However busy it is, it is done after so many times the limit.
_MOST = 10
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
    """The function ran too long; no ``except Exception`` of its own is to catch this."""


@contextmanager
def interrupt_when_quiet(server: Server, name: str, limit: float) -> Iterator[None]:
    """Raise ``Interrupted`` in the block when nothing has come of it for a time.

    What it does in the database is a sign of life: each statement there has a limit of its own. It
    works in the main thread, where Python handles signals; elsewhere the block is left alone.

    Args:
        server: where the database is.
        name: the database that the function works on.
        limit: seconds without a new statement.
    """
    main = threading.current_thread() is threading.main_thread()
    if _SIGNAL is None or not main:
        yield
        return
    over = threading.Event()

    def interrupt(_: int, __: FrameType | None) -> NoReturn:
        raise Interrupted(f"still running after {limit:g} s, so it was interrupted")

    def wait() -> None:
        begun, patience = time.monotonic(), limit + _LATER
        pause = patience
        while not over.wait(pause):
            quiet = _seconds_quiet(server, name, time.monotonic() - begun)
            if quiet < patience and time.monotonic() - begun < _MOST * patience:
                pause = max(patience - quiet, _INSIST)
                continue
            pause = _INSIST
            if not over.is_set():
                signal.pthread_kill(threading.main_thread().ident or 0, _SIGNAL)

    earlier = signal.signal(_SIGNAL, interrupt)
    waiting = threading.Thread(target=wait, name="usersync-hook", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        signal.signal(_SIGNAL, signal.SIG_IGN)
        waiting.join(_INSIST)
        signal.signal(_SIGNAL, earlier)


def _seconds_quiet(server: Server, name: str, otherwise: float) -> float:
    """Return for how many seconds no session of the database has begun or ended anything."""
    with suppress(Error), database.connect(server, MAINTENANCE) as superuser:
        row = superuser.execute(_LIFE, [name]).fetchone()
        if row and row["seconds"] is not None:
            return min(float(row["seconds"]), otherwise)
    return otherwise
