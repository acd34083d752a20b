"""Logins of sessions in a race database: as a role, or as a request of PostgREST."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from ..model.errors import UserSyncError
from ..sessions.roles import Part, Roles
from .race_connection import RaceLogin

if TYPE_CHECKING:
    from .race_database import RaceDatabase

# So the session itself hears the message of `log_lock_waits`, by which it tells that it waits.
_OPTIONS = "-c client_min_messages=log"


class Logins:
    """Hands out sessions; those that come back whole serve again."""

    def __init__(self, race_database: RaceDatabase) -> None:
        self._race_database = race_database
        self._roles: Roles | None = None
        self._free: dict[str, list[RaceLogin]] = {}
        self._open: list[RaceLogin] = []
        self._count = 0

    def part(self, role: str, claims: str | None) -> tuple[str, Part | None]:
        """Return who logs in, and what is set then, to be the role, or to ask PostgREST as it."""
        if claims is None:
            return role, None
        if self._roles is None:
            self._roles = Roles(
                self._race_database.subject.server, self._race_database.subject.database
            )
        return "authenticator", self._roles.request(role, claims)

    @contextmanager
    def race_login(self, login: str) -> Iterator[RaceLogin]:
        """Lend a session of the role; it comes back as it was, or not at all."""
        free = self._free.setdefault(login, [])
        race_login = free.pop() if free else self._login(login)
        try:
            yield race_login
        finally:
            if race_login.connection.closed or race_login.broken:
                race_login.connection.close()
                self._open.remove(race_login)
            else:
                free.append(race_login)

    def _login(self, login: str) -> RaceLogin:
        subject = self._race_database.subject
        try:
            self._count += 1
            options = f"{_OPTIONS} -c usersync_race.slot={self._count}"
            race_login = RaceLogin.open(subject.server, self._race_database.name, login, options)
        except psycopg.Error as error:
            unknown = f'role "{login}" does not exist'
            if isinstance(error, psycopg.OperationalError) and unknown not in str(error):
                raise refused(error) from None
            said = unknown if unknown in str(error) else words(error)
            raise UserSyncError(
                f"No session can use the role {login!r}: {said}. Name a role of the database."
            ) from None
        race_login.slot = self._count
        self._open.append(race_login)
        return race_login

    def close(self) -> None:
        """End all sessions."""
        for race_login in self._open:
            race_login.connection.close()
        self._open.clear()
        self._free.clear()


def refused(error: psycopg.Error) -> UserSyncError:
    """Return what to tell when the server lets nobody in."""
    return UserSyncError(
        f"The server refuses another session: {words(error)}. Use fewer sessions, or increase its"
        " max_connections."
    )


def words(error: BaseException) -> str:
    """Return an error in one line."""
    return " ".join(str(error).split()).rstrip(".")
