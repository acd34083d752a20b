"""Sessions that a function of the project leaves open in the database that it was given.

A database with sessions in it cannot be copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from ..postgres import MAINTENANCE, Server, database

_PIDS = """
select pid
from pg_catalog.pg_stat_activity
where datname = %s
order by pid
"""


@dataclass(slots=True)
class Unclosed:
    """What each session does that was left open; those that do nothing, and those that are lost."""

    idle: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@contextmanager
def ended(server: Server, name: str) -> Iterator[Unclosed]:
    """End the sessions that are opened in a database inside the block and are left open.

    Yields:
        what is told of them, once the block is left.
    """
    found = Unclosed()
    with database.connect(server, MAINTENANCE) as superuser:
        before = [row["pid"] for row in superuser.execute(_PIDS, [name])]
        try:
            yield found
        finally:
            for told in database.sessions(superuser, name, before):
                (found.idle if told.startswith("idle,") else found.lost).append(told)
            database.end_sessions(superuser, name, before)


def shut_out(server: Server, name: str) -> None:
    """Let nobody but a superuser into a database, so that no pool opens a session in it again."""
    with database.connect(server, MAINTENANCE) as superuser:
        limit = sql.SQL("alter database {} connection limit 0")
        superuser.execute(limit.format(sql.Identifier(name)))


def told(hook: str, sessions: Sequence[str]) -> str:
    """Return in one line that a function left sessions open, and what they do."""
    which = "a session open, which was"
    if len(sessions) > 1:
        which = f"{len(sessions)} sessions open, which were"
    return f"{hook} leaves {which} ended: {'; '.join(sessions[:3])}"
