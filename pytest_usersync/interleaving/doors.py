"""How sessions get into an arena: as a login, or as who asks PostgREST."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

from .. import database
from ..errors import UserSyncError
from ..sessions.roles import Part, Roles
from .line import Line

if TYPE_CHECKING:
    from .arena import Arena

# A session says itself that it waits, once it has looked for a deadlock: so whoever closes the
# circle is the one who is told of it, however slow the machine is.
_LOUD = "-c client_min_messages=log"
# These are for a superuser to set: for its own session, or for a database where others log in.
SETTINGS = {
    "deadlock_timeout": "1ms",
    "log_lock_waits": "on",
    "log_min_messages": "fatal",
    "track_functions": "pl",
}
_OPTIONS = " ".join([_LOUD, *starmap(database.startup_option, SETTINGS.items())])


class Doors:
    """Hands out sessions; those that come back whole serve again."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._roles: Roles | None = None
        self._options: dict[str, str] = {}
        self._free: dict[str, list[Line]] = {}
        self._open: list[Line] = []
        self._count = 0

    def part(self, role: str, claims: str | None) -> tuple[str, Part | None]:
        """Return who logs in, and what is set then, to be the role, or to ask PostgREST as it."""
        if claims is None:
            return role, None
        if self._roles is None:
            self._roles = Roles(self._arena.subject.server, self._arena.subject.database)
        part = self._roles.request(role, claims)
        guest = self._arena.subject.server.guest
        return "authenticator", self._roles.settable(part) if guest else part

    @contextmanager
    def line(self, login: str) -> Iterator[Line]:
        """Lend a session of the role; it comes back as it was, or not at all."""
        free = self._free.setdefault(login, [])
        line = free.pop() if free else self._login(login)
        try:
            yield line
        finally:
            if line.connection.closed or line.broken:
                line.connection.close()
                self._open.remove(line)
            else:
                free.append(line)

    def _login(self, login: str) -> Line:
        subject = self._arena.subject
        try:
            if login not in self._options:
                self._options[login] = self._startup(login)
            self._count += 1
            options = f"{self._options[login]} -c usersync_race.slot={self._count}"
            line = Line.open(subject.server, self._arena.name, login, options)
        except psycopg.OperationalError as error:
            raise refused(error) from None
        except psycopg.Error as error:
            raise UserSyncError(
                f"Nobody can be {login!r}: {words(error)}. Name a role of the database."
            ) from None
        line.slot = self._count
        self._open.append(line)
        return line

    def _startup(self, login: str) -> str:
        """Return what a login as the role brings, and what we need, as startup options."""
        arena = self._arena
        if arena.subject.server.guest:
            return _LOUD
        given = conninfo_to_dict(database.conninfo(arena.subject.server, arena.name))
        settings = database.settings_of(arena.control, login)
        brought = starmap(database.startup_option, settings.items())
        return " ".join([str(given.get("options") or ""), *brought, _OPTIONS]).strip()

    def close(self) -> None:
        """End all sessions."""
        for line in self._open:
            line.connection.close()
        self._open.clear()
        self._free.clear()


def refused(error: psycopg.Error) -> UserSyncError:
    """Return what to tell when the server lets nobody in."""
    return UserSyncError(
        f"The server lets no further session in: {words(error)}."
        " Use fewer sessions, or raise its max_connections."
    )


def words(error: BaseException) -> str:
    """Return an error in one line."""
    return " ".join(str(error).split()).rstrip(".")
