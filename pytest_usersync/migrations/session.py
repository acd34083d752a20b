"""A session of the role that runs migrations."""

from __future__ import annotations

from psycopg.pq import ConnStatus, TransactionStatus

from ..platform import platform
from ..postgres import Server, database
from ..postgres.database import Connection


class MigrationSession:
    """A session that is opened again when a statement breaks it."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._name = name
        self.connection = self._connect()

    def close(self) -> None:
        """End the session."""
        self.connection.close()

    def is_idle(self) -> bool:
        """Tell whether the session is in no transaction."""
        return self.connection.info.transaction_status == TransactionStatus.IDLE

    def reopen(self) -> bool:
        """Connect again if the connection is broken or closed; return whether it was."""
        # ``copy … from stdin`` in a pipeline breaks it, and so does pg_terminate_backend().
        broken = self.connection.pgconn.status != ConnStatus.OK
        if broken:
            self.connection.close()
            self.connection = self._connect()
        return broken

    def roll_back(self) -> None:
        """End the transaction that a file has left open, if there is one."""
        if not self.reopen() and not self.is_idle():
            self.connection.execute("rollback")

    def _connect(self) -> Connection:
        return database.connect(self._server, self._name, platform.migration_role(self._server))
