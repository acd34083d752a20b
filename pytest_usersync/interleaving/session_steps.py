"""The steps of a session, run one after the other on its own connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from .model import Session, Step

if TYPE_CHECKING:
    from .session_thread import SessionThread

_LEVELS = {
    "read committed": psycopg.IsolationLevel.READ_COMMITTED,
    "repeatable read": psycopg.IsolationLevel.REPEATABLE_READ,
    "serializable": psycopg.IsolationLevel.SERIALIZABLE,
}
_AT_ONCE = 0
_NO_PAUSES = b"set usersync_race.slot = ''"


def perform(session_thread: SessionThread) -> None:
    """Do all that the session does; what ends in an error is noted."""
    session, connection = session_thread.session, session_thread.race_login.connection
    connection.autocommit = session.auth is not None or not _own_transactions(session)
    # What Supabase Auth sends is always the same; planning it costs more than running it.
    connection.prepare_threshold = _AT_ONCE if session.auth else None
    if session.isolation and not connection.autocommit:
        connection.isolation_level = _LEVELS[session.isolation]
    if session_thread.flowing:
        connection.one_by_one = False
    else:
        connection.plans.forget()  # Others may deallocate.
    if not session.pauses:
        session_thread.race_login.send(_NO_PAUSES)
    _enter(session_thread)
    if connection.autocommit and session.auth is None:
        for step in session.steps:
            _run(session_thread, step)
        return
    text = ""
    session_thread.given = session.auth(connection) if session.auth else connection
    try:
        for step in session.steps:
            session_thread.next_step()
            text = label(step)
            _run(session_thread, step, alone=False)
        if connection.info.transaction_status == TransactionStatus.INTRANS:
            session_thread.next_step()
            text = "commit"
            connection.commit()
    except Exception as error:  # noqa: BLE001  What the app's code raises is what comes of it.
        session_thread.refused(text, error)


def label(step: Step) -> str:
    """Return how a trace calls a step: its first line, or the name of the function."""
    if callable(step):
        return str(getattr(step, "__name__", type(step).__name__))
    text = step if isinstance(step, str) else step[0]
    return " ".join(text.split())


def _own_transactions(session: Session) -> bool:
    return session.isolation is not None or any(map(callable, session.steps))


# What the login has brought is there; and what is the superuser's to set, no request can set.
_SET = """
    select pg_catalog.set_config(given.name, given.value, false)
    from rows from (
        pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])
    ) as given (name, value)
    left join pg_catalog.pg_settings as known on known.name = given.name
    where coalesce(known.context, 'user') = 'user'
        and pg_catalog.current_setting(given.name, true) is distinct from given.value
"""


def _enter(session_thread: SessionThread) -> None:
    part = session_thread.race_database.part(
        session_thread.session.role, session_thread.session.claims
    )[1]
    if part is None:
        return
    connection = session_thread.race_login.connection
    connection.listener = None
    names, values = zip(*part.settings, strict=True)
    connection.execute(_SET, [list(names), list(values)])
    connection.execute("select pg_catalog.set_config('role', %s, false)", [part.role])
    if not connection.autocommit:
        connection.commit()
    connection.listener = session_thread


def _run(session_thread: SessionThread, step: Step, *, alone: bool = True) -> None:
    connection = session_thread.race_login.connection
    try:
        if callable(step):
            step(session_thread.given)
        else:
            text, values = (step, None) if isinstance(step, str) else step
            connection.execute(text.encode(), values)
    except Exception as error:
        if not alone or connection.closed:
            raise
        session_thread.refused(label(step), error)
