"""Apply one of a project's files a second time, each statement for itself."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.finding import Failure
from ..platform import platform
from ..postgres import Server, database
from ..postgres.database import Connection
from .apply_errors import refused
from .each_statement import Again, without_transactions
from .model import Migration, Project
from .psql_script import cut


@dataclass(frozen=True, slots=True)
class StatementRefused:
    """A statement that could be done once and not twice; it stands on the lines from to."""

    text: str
    first: int
    last: int
    failure: Failure


def rerun(
    server: Server, name: str, project: Project, migration: Migration
) -> list[StatementRefused]:
    """Apply a file to a database that already has it; return what the database refuses.

    Args:
        server: where the database is.
        name: the database, which is changed.
        project: the file's project.
        migration: the file.
    """

    def connect() -> Connection:
        return database.connect(server, name, platform.migration_role(server))

    again = Again(connect(), connect)
    again.run(without_transactions(cut(migration.text))).close()
    found = []
    for statement, refusal in again.refused:
        failure = refused(project, migration, statement, refusal).failure
        first = statement.place()[0]
        found.append(
            StatementRefused(statement.text, first, first + statement.text.count("\n"), failure)
        )
    return found
