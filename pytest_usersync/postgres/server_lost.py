"""A session that PostgreSQL ended, and a server that is no more: tell them from other errors.

A crash of one backend ends all sessions, and PostgreSQL takes new ones a moment later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ..model.errors import ServerLost, UserSyncError
from ..model.safe_text import cut, in_line, one_line
from . import MAINTENANCE, Server, database

# terminating connection due to administrator command; because of a crash; the database system is
# starting up, shutting down, in recovery mode
ENDED = ("57P01", "57P02", "57P03")
_COMES_BACK = ("starting up", "in recovery mode", "shutting down", "not yet accepting")
_PATIENCE_S = 30
_PAUSE_S = 0.1
_LOG_LINES = 4
_LINE = 160


def ended(error: BaseException | None) -> bool:
    """Tell whether an error, or what it came of, says that the session is gone."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        # libpq, too, may say what the server cannot say any more; then the error has no kind.
        kinds = psycopg.OperationalError | psycopg.InterfaceError
        if isinstance(error, kinds) or type(error) is psycopg.DatabaseError:
            state: str | None = getattr(error, "sqlstate", None)
            if state is None or state in ENDED or state.startswith("08"):
                return True
        error = error.__cause__ or error.__context__
    return False


def require(server: Server, doing: str) -> None:
    """Return when the server takes connections, which may take a while after a crash.

    Raises:
        ServerLost: it takes none; the message is one line and ends with the server's log.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while said := _refusal(server):
        if not any(one in said for one in _COMES_BACK) or time.monotonic() > deadline:
            raise ServerLost(f"The server was lost while {doing}: {said}.{_last_words(server)}")
        time.sleep(_PAUSE_S)


@contextmanager
def detect(server: Server, doing: str) -> Iterator[None]:
    """Raise ``ServerLost`` for whatever error comes of a session, or a server, that is gone."""
    try:
        yield
    except ServerLost:
        raise
    except Exception as error:
        if not ended(error):
            raise
        require(server, doing)
        if isinstance(error, UserSyncError):  # It says in a line what is wrong.
            raise
        said = one_line(str(error), _LINE).rstrip(".")
    else:
        return
    raise ServerLost(f"PostgreSQL ended a session while {doing}: {said}. Run it again.")


def _refusal(server: Server) -> str:
    try:
        with closing(database.connect(server, MAINTENANCE)):
            return ""
    except psycopg.Error as error:
        text = str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else "no reason given"
    return in_line(cut(first.rpartition("failed: ")[2], _LINE)).rstrip(".")


def _last_words(server: Server) -> str:
    """Return how the log of a server of ours ends."""
    if not server.own:
        return ""
    log = Path(str(conninfo_to_dict(server.conninfo)["host"])).parent / "log"
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-_LOG_LINES:]
    except OSError:
        return ""
    return f" Its log ends: {' / '.join(in_line(cut(line, _LINE)) for line in lines)}"
