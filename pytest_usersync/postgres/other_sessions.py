"""Sessions that others have open in a database: what they do, and how they are ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psycopg.rows import DictRow

from ..model.safe_text import one_line

if TYPE_CHECKING:
    from .database import Connection

# How long the server may take to end a session whose client has closed it, in seconds.
_PATIENCE = 0.5
_OTHERS = """
select state, query, application_name
from pg_catalog.pg_stat_activity
where datname = %s and pid <> all (%s) and backend_type = 'client backend'
order by backend_start, pid
"""
_END = """
select pg_catalog.pg_terminate_backend(pid)
from pg_catalog.pg_stat_activity
where datname = %s and pid <> all (%s) and backend_type = 'client backend'
order by pid
"""


def sessions(
    superuser: Connection, name: str, besides: Sequence[int] = (), patience: float = _PATIENCE
) -> list[str]:
    """Return what each session in a database does: its state, its last query, who opened it.

    Args:
        superuser: a connection to another database.
        name: the database.
        besides: the process ids of sessions that do not count.
        patience: seconds to wait for them to go; a server takes a moment after a client left.
    """
    deadline = time.monotonic() + patience
    while True:
        rows = superuser.execute(_OTHERS, [name, list(besides)]).fetchall()
        if not rows or time.monotonic() > deadline:
            return [_session(row) for row in rows]
        time.sleep(0.005)


def end_sessions(superuser: Connection, name: str, besides: Sequence[int] = ()) -> None:
    """End the sessions in a database, but for those with the process ids given."""
    superuser.execute(_END, [name, list(besides)])


def _session(row: DictRow) -> str:
    query = one_line(row["query"] or "", 100)
    last = f', last query "{query}"' if query else ""
    program = one_line(row["application_name"] or "", 60)
    return f"{row['state']}{last}{f' ({program})' if program else ''}"
