"""Apply a project's migrations and ask something after every statement, in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence

from ..postgres import Server, database
from .apply import Loading, queries
from .model import Manner, Migration, Project
from .pipeline import Query, run
from .split import Statement

# How often a file is taken again without a statement that fails only here.
_TRIES = 4


class Noted(Loading):
    """A loading whose session notes something after every statement of a migration."""

    def __init__(self, server: Server, name: str, project: Project) -> None:
        super().__init__(server, name, project)
        self.superuser = database.connect(server, name)
        self.harness = database.connect(server, name, database.HARNESS)

    def close(self) -> None:
        """End the sessions."""
        self.superuser.close()
        self.harness.close()
        super().close()

    def noted(
        self, migration: Migration, note: str, statements: Sequence[Statement]
    ) -> tuple[list[Statement] | None, bool]:
        """Apply a file, without what fails only here; return the rest and whether it is the whole.

        None if more fails than a little; then nothing of it is done.

        Args:
            note: the query that is sent behind each statement, whose place is ``{index}`` in it.
        """
        statements, whole = list(statements), True
        for _ in range(_TRIES):
            self.connection.execute("reset all")
            sent = queries(self.project, migration, statements)
            asked = [
                one
                for index, query in enumerate(sent[: len(statements)])
                for one in (query, Query(note.replace("{index}", str(index))))
            ]
            refusal = run(self.connection, [*asked, *sent[len(statements) :]])
            if refusal is None:
                return statements, whole
            self._end_transaction()
            if refusal.index >= len(asked):
                break
            statements.pop(refusal.index // 2)
            # Roles are the server's, and were made when the project was loaded.
            whole = whole and refusal.sqlstate == "42710" and "role " in refusal.message
        return None, False

    def notes(self) -> list[str]:
        """Return what was noted, a line for each statement."""
        row = self.connection.execute(
            "select pg_catalog.current_setting('usersync.seen', true) as seen"
        ).fetchone()
        return ((row and row["seen"]) or "").splitlines()


def is_watched(migration: Migration) -> bool:
    """Tell whether a file is a migration that is applied as one transaction."""
    one = migration.manner in (Manner.CLI, Manner.BATCH) and not migration.role
    return one and not migration.unreadable
