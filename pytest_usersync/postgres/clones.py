"""Clones of a database: made one by one, and all dropped at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from . import MAINTENANCE, Server, external_server, other_sessions
from .database import Connection, connect, copy, drop_by, fresh_name, remark


class Clones:
    """Hand out clones, and drop them all at the end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.names: list[str] = []
        self._connection: Connection | None = None

    def take(self, template: str, kind: str = "clone") -> str:
        """Return the name of a new database that is a copy of ``template``."""
        connection = self._session()
        name = fresh_name(kind)
        # Before it is made: a copy that is interrupted half-way is dropped as well.
        self.names.append(name)
        copy(connection, self.server, template, name)
        return name

    def leave(self, name: str) -> None:
        """Keep one of the clones for good: nobody drops it but the user."""
        if self.server.guest:
            with connect(self.server, MAINTENANCE) as connection:
                remark(connection, name, external_server.KEPT)
        self.names.remove(name)

    def left_open(self, name: str, ours: Sequence[int]) -> list[str]:
        """Return what each session does that is still open in a clone, after a moment's patience.

        Args:
            name: the clone.
            ours: the process ids of sessions that were just closed.
        """
        if self._connection is None or self._connection.closed:
            return []
        return other_sessions.sessions(self._connection, name, ours)

    def disconnect(self) -> None:
        """Take another session for the next clone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def drop(self, name: str) -> None:
        """Drop one of the clones now."""
        drop_by(self._session(), self.server, name)
        # It is forgotten already where the clones go with the server meanwhile.
        if name in self.names:
            self.names.remove(name)

    def close(self) -> None:
        """Drop the clones; dropping at the end is cheaper than early.

        On ext4 a drop between two clones slows every later clone down.
        """
        if self.names:
            with connect(self.server, MAINTENANCE) as connection:
                while self.names:
                    drop_by(connection, self.server, self.names[-1])
                    self.names.pop()
        self.disconnect()

    def close_with_server(self) -> None:
        """Close at the end of a run: the clones on a server of our own go with the server."""
        if self.server.own:
            self.names.clear()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _session(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.server, MAINTENANCE)
        return self._connection
