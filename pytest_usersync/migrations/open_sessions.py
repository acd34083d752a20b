"""Sessions that a function of the project leaves open.

PostgreSQL cannot clone a database while a session is open in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from ..postgres import MAINTENANCE, Server, database, other_sessions

_PIDS = """
select pid
from pg_catalog.pg_stat_activity
where datname = %s
order by pid
"""


@dataclass(slots=True)
class OpenSessions:
    """What each open session did; ``idle`` ones lose nothing, ``lost`` ones lose their work."""

    idle: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@contextmanager
def end_open_sessions(server: Server, name: str) -> Iterator[OpenSessions]:
    """End the sessions that the block opens in a database and does not close.

    Yields:
        what they did; it is empty until the block ends.
    """
    found = OpenSessions()
    with database.connect(server, MAINTENANCE) as superuser:
        before = [row["pid"] for row in superuser.execute(_PIDS, [name])]
        try:
            yield found
        finally:
            for session in other_sessions.sessions(superuser, name, before):
                (found.idle if session.startswith("idle,") else found.lost).append(session)
            other_sessions.end_sessions(superuser, name, before)


def refuse_connections(server: Server, name: str) -> None:
    """Let only superusers connect, so that a connection pool opens no new session."""
    with database.connect(server, MAINTENANCE) as superuser:
        limit = sql.SQL("alter database {} connection limit 0")
        superuser.execute(limit.format(sql.Identifier(name)))


def describe(hook: str, sessions: Sequence[str]) -> str:
    """Return in one line that a function left sessions open, and what they do."""
    which = "a session open, which was"
    if len(sessions) > 1:
        which = f"{len(sessions)} sessions open, which were"
    return f"{hook} leaves {which} ended: {'; '.join(sessions[:3])}"
