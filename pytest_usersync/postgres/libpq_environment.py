"""Environment variables of libpq: what somebody set for other servers must not change our sessions.

A server of our own is named by explicit keywords, and so is every keyword whose default was moved.
Of a server that the user names, the variables choose the address, the login and TLS; those that
only change how a session behaves are left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# libpq sends these with every startup, after `options`, and has no keyword for them.
_SENT = ("PGDATESTYLE", "PGTZ", "PGGEQO")
_BEHAVIOUR = {"PGOPTIONS": "options", "PGCLIENTENCODING": "client_encoding"}
# An own server's connection string has the first four; the rest can only be taken out.
_NAMED = frozenset({"host", "port", "user", "dbname", "service", "servicefile"})
# What means "not set" where libpq, or psycopg, takes no empty word.
_UNSET = {
    "connect_timeout": "0",
    "sslcertmode": "allow",
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
}

# What was taken out of the environment, and by how many servers in use.
_taken: dict[str, str] = {}
_users = 0


def overriding() -> dict[str, str]:
    """Return the keywords that give an own server what libpq has when no variable is set.

    Empty without variables. libpq itself tells the defaults, so a service is looked up as well.
    """
    if not any(name.startswith("PG") for name in os.environ):
        return {}
    from psycopg.pq import Conninfo  # noqa: PLC0415

    return {
        word: (one.compiled or b"").decode() or _UNSET.get(word, "")
        for one in Conninfo.get_defaults()
        if one.envvar and one.val != one.compiled and (word := one.keyword.decode()) not in _NAMED
    }


def neutral() -> dict[str, str]:
    """Return the keywords that leave out what variables say of how a session behaves."""
    return {word: "" for name, word in _BEHAVIOUR.items() if name in os.environ}


def hide(*, own: bool) -> Callable[[], None]:
    """Take what no keyword overrides out of our environment; return what puts it back.

    Call both in the main thread: the C library lets nobody else read the environment meanwhile.

    Args:
        own: the server is ours; then a service that libpq cannot look up is taken out too, which
            would make every connection fail.
    """
    global _users  # noqa: PLW0603
    names = [*_SENT, *(["PGSERVICE"] if own and _is_service_broken() else [])]
    _taken.update({name: os.environ.pop(name) for name in names if name in os.environ})
    _users += 1
    waiting = [_restore]

    def restore() -> None:
        if waiting:
            waiting.pop()()

    return restore


def _restore() -> None:
    global _users  # noqa: PLW0603
    _users -= 1
    if not _users:
        for name, value in _taken.items():
            # What a test has set meanwhile stays.
            os.environ.setdefault(name, value)
        _taken.clear()


def _is_service_broken() -> bool:
    if not os.environ.get("PGSERVICE"):
        return False
    from psycopg.pq import PGconn  # noqa: PLC0415

    # Only a libpq that came past the service tries to connect, and names the place.
    nowhere = os.fsencode(Path(os.sep, "usersync-nowhere"))
    connection = PGconn.connect_start(b"hostaddr='' host=" + nowhere)
    try:
        return nowhere not in connection.error_message
    finally:
        connection.finish()
