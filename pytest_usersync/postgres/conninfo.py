"""Connection strings: the one way to use them, and the one way to show them to people."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from ..model.errors import ServerError
from .cursors import NameCursor
from .model import Secret

C = TypeVar("C", bound="psycopg.Connection[Any]")
# The sessions of this process, by the backend at their other end.
_sessions: WeakValueDictionary[int, psycopg.Connection[Any]] = WeakValueDictionary()
_HIDDEN = ("password", "sslpassword", "oauth_client_secret")


class NoConnection(ServerError, psycopg.OperationalError):
    """A server that lets nobody in; no frame of the driver's, which hold the password, is shown."""


def connect(
    conninfo: str,
    kind: type[psycopg.Connection[DictRow]] = psycopg.Connection,
    *,
    autocommit: bool = True,
) -> psycopg.Connection[DictRow]:
    """Return a connection whose rows are dictionaries; every connection of ours is made here.

    Raises:
        NoConnection: nobody answers, or the login is refused; one line that says where and why.
    """
    conninfo = Secret(conninfo)
    try:
        # A database may have another encoding set, in which texts are bytes.
        connection = kind.connect(
            conninfo, autocommit=autocommit, row_factory=dict_row, client_encoding="utf8"
        )
    except psycopg.Error as error:
        told = NoConnection(refusal(conninfo, error))
    except BaseException as error:  # noqa: BLE001  it is raised again
        # Ctrl-C, above all: the frames below hold the password.
        raise error.with_traceback(None) from None
    else:
        if kind is psycopg.Connection:  # the others bring cursors of their own
            connection.cursor_factory = NameCursor
        _sessions[connection.info.backend_pid] = connection
        return connection
    # Outside of `except`: so no traceback of the driver hangs on it.
    raise told


def session(pid: int) -> psycopg.Connection[Any] | None:
    """Return the connection of this process to a backend, if it has one."""
    return _sessions.get(pid)


def place(conninfo: str) -> str:
    """Return where a server is, for people: host and port, nothing else."""
    words = conninfo_to_dict(conninfo)
    return f"host={words.get('host') or 'local'} port={words.get('port') or 5432}"


def psql(conninfo: str, folder: str = "") -> str:
    """Return the shell line that opens a database in psql, without the password.

    Args:
        conninfo: of the database.
        folder: where psql is, if the user's PATH has none.
    """
    words = conninfo_to_dict(conninfo)
    shown = {key: str(words[key]) for key in ("host", "port", "user", "dbname") if words.get(key)}
    beside = Path(folder, "psql")
    program = str(beside) if not shutil.which("psql") and folder and beside.exists() else "psql"
    return f"{shlex.quote(program)} {shlex.quote(make_conninfo('', **shown))}"


def refusal(conninfo: str, error: psycopg.Error) -> str:
    """Return why there is no connection, in one line without any secret."""
    words = conninfo_to_dict(conninfo)
    where, reason = place(conninfo), _reason(error, words)
    if "no password supplied" in reason:
        return (
            f"The PostgreSQL at {where} needs a password, but none is given. Give it in"
            " USERSYNC_DSN, PGPASSWORD or .pgpass."
        )
    if "FATAL" not in reason:
        return f"No PostgreSQL answers at {where}: {reason}. Start it, or correct the address."
    wrong = re.search("authentication|pg_hba.conf|does not exist", reason)
    remedy = "Correct the DSN." if wrong else "Try again when it takes connections."
    return f"The PostgreSQL at {where} refuses the login: {reason}. {remedy}"


def _reason(error: psycopg.Error, words: dict[str, Any]) -> str:
    first = (str(error).strip().splitlines() or ["no reason given"])[0]
    # Where it is, and that it failed, is said by `refusal`.
    reason = re.sub(r"^.*?connection to server (at|on) .*? failed: ", "", first).strip()
    reason = re.sub(r"^connection (failed|is bad): ", "", reason).rstrip(".")
    for name in _HIDDEN:
        if words.get(name):
            reason = reason.replace(str(words[name]), "***")
    return reason
