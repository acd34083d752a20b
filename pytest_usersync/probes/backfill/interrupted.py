"""A backfill that stands still in the midst of its work, so that others can act meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep
from typing import NoReturn

from psycopg import Error

from ...model.finding import NotJudged
from ...model.quoting import named
from ...postgres.database import Connection
from ...runner.context import CheckContext
from ..maintenance.capabilities import Routine, migrator
from .run_backfill import AGAIN, LEAVES

_KEY = 7153
_PAUSE = """
    create schema usersync_pause;
    create sequence usersync_pause.rows;
    create function usersync_pause.pause()
        returns trigger
        security definer
        set search_path = ''
        language plpgsql
    as $$
    begin
        if pg_catalog.pg_backend_pid() = {pid}
            and pg_catalog.nextval('usersync_pause.rows') > {after} then
            perform pg_catalog.pg_advisory_xact_lock({key});
        end if;
        return new;
    end;
    $$;
    create trigger usersync_pause before insert on {table}
        for each row execute function usersync_pause.pause();
"""
_GO_ON = "drop schema usersync_pause cascade"
_WAITS = """
    select exists (
        select from pg_catalog.pg_locks
        where pid = %s and locktype = 'advisory' and objid = %s and not granted
    ) as paused
"""
_LIVES = "select exists (select from pg_catalog.pg_stat_get_activity(%s)) as lives"
_DYING = 5
_MOMENT = 0.001
_BLOCKED = "select %s = any (pg_catalog.pg_blocking_pids(%s)) as blocked"


@dataclass
class _BackgroundCall:
    """Something that runs in a thread until it ends or is refused."""

    act: Callable[[], object]
    error: Exception | None = None
    thread: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.act()
        except Exception as error:  # noqa: BLE001  it is told where the thread is waited for
            self.error = error


@contextmanager
def paused(context: CheckContext, routine: Routine, after: int) -> Iterator[int]:
    """Run a backfill and hold it when it has written so many profiles; yield its process.

    One that fills some at a time is run again until it has.

    Raises:
        NotJudged: it ended without writing so many.
    """
    table = named(context.sync.profile.table)
    with closing(migrator(context)) as connection, closing(context.connect()) as holder:
        pid = connection.info.backend_pid
        context.execute(_PAUSE.format(pid=pid, after=after, key=_KEY, table=table))
        # The trigger made above waits for this lock once enough is written.
        holder.execute("select pg_advisory_lock(%s)", [_KEY])
        enough = Event()
        running = _BackgroundCall(partial(_again, routine, connection, enough))
        try:
            while not context.query(_WAITS, [pid, _KEY])[0]["paused"]:
                running.thread.join(_MOMENT)
                if not running.thread.is_alive():
                    _never(running.error)
            yield pid
        finally:
            enough.set()
            holder.execute("select pg_advisory_unlock(%s)", [_KEY])
            running.thread.join()
            context.execute(_GO_ON)


def _again(routine: Routine, connection: Connection, enough: Event) -> None:
    for _ in range(1 if routine.once else AGAIN):
        if not enough.is_set():
            routine.run(connection)


def killed(context: CheckContext, routine: Routine, after: int) -> None:
    """Run a backfill and end its session when it has written so many profiles."""
    with paused(context, routine, after) as pid:
        context.execute("select pg_catalog.pg_terminate_backend(%s)", [pid])
        # PostgreSQL itself would look again after a tenth of a second.
        latest = monotonic() + _DYING
        while context.query(_LIVES, [pid])[0]["lives"] and monotonic() < latest:
            sleep(_MOMENT)


@contextmanager
def unfinished(context: CheckContext, routine: Routine) -> Iterator[int]:
    """Run a backfill in a transaction that is still open; yield its process."""
    with closing(migrator(context)) as connection:
        connection.execute("begin")
        try:
            routine.run(connection)
        except Error as error:
            _never(error)
        yield connection.info.backend_pid
        connection.execute("rollback")


def waits(context: CheckContext, pid: int, act: Callable[[], object], session: Connection) -> bool:
    """Do something in a session, and tell whether it waits for the process; then it is cancelled.

    Raises:
        Exception: what it failed with, if it did not wait.
    """
    doing = _BackgroundCall(act)
    blocked = False
    while doing.thread.is_alive() and not blocked:
        doing.thread.join(_MOMENT)
        blocked = context.query(_BLOCKED, [pid, session.info.backend_pid])[0]["blocked"]
    if blocked:
        context.execute("select pg_catalog.pg_cancel_backend(%s)", [session.info.backend_pid])
    doing.thread.join()
    if doing.error and not blocked:
        raise doing.error
    return blocked


def _never(error: Exception | None) -> NoReturn:
    if error:
        raise NotJudged(f"the backfill fails (US401): {error}") from error
    raise NotJudged(LEAVES)
