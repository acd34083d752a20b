"""Routines of maintenance: a routine that the project calls, a script that people run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...migrations import Statement
from ...migrations.psql_script import Command, Copy
from ...model.finding import Location, NotJudged
from ...platform import platform
from ...postgres.database import Connection
from ...postgres.reset import reset_session
from ...runner.context import CheckContext

# A backfill of a few ghosts that takes longer does not come to an end.
PATIENCE = "20s"

# What psql does for the one who reads along.
_HARMLESS = re.compile(
    r"\\(?:echo|qecho|warn|set|unset|pset|timing|x|t|a|encoding|q|quit|conninfo|restrict"
    r"|unrestrict)\b"
)


@dataclass(frozen=True, slots=True)
class Routine:
    """How the project fills ghosts.

    Args:
        sql: what is run.
        origin: what it is, for people: ``"public.backfill()"``, ``"the backfill in a.sql:3"``.
        location: where it stands in the project, when known.
        commits: whether it commits by itself, and so runs in no transaction of its caller.
        statements: the same as single statements.
        meant: whether its name and what it is about say that it fills ghosts.
        once: whether it is written to run once, and nobody would call it a second time.
    """

    sql: str
    origin: str
    location: Location | None = None
    commits: bool = False
    statements: tuple[str, ...] = ()
    meant: bool = False
    once: bool = False

    def run(self, connection: Connection) -> None:
        """Run it in an idle session that commits by itself: as one transaction, if it may be."""
        several = self.statements if self.commits else ()
        for text in several or (self.sql,):
            connection.execute(text.encode())


@dataclass(frozen=True, slots=True)
class Script:
    """A file that people run with psql."""

    path: Path
    shown: str
    statements: tuple[Statement, ...]

    def run(self, connection: Connection) -> None:
        """Run it as ``psql -v ON_ERROR_STOP=1`` does, one statement after the other.

        Raises:
            psycopg.Error: a statement is refused; what stands behind it is not done.
        """
        for one in self.statements:
            if isinstance(one, Copy):
                with connection.cursor() as cursor, cursor.copy(one.text.encode()) as copy:
                    copy.write(one.data.encode())
            else:
                connection.execute(one.text.encode())


def migrator(context: CheckContext) -> Connection:
    """Return a new session of the role that runs migrations and chores; closed with the context."""
    connection = context.connect(platform.migration_role(context.subject.server))
    connection.execute(f"set statement_timeout = '{PATIENCE}'")
    return connection


@contextmanager
def at_work(context: CheckContext) -> Iterator[Connection]:
    """Lend the session of the role that runs migrations and chores; it comes back as if new."""
    role = platform.migration_role(context.subject.server)
    connection = context.session(role)
    # What is run again and again is to be run as it stands.
    connection.prepare_threshold = None
    connection.execute(f"deallocate all; set statement_timeout = '{PATIENCE}'")
    try:
        yield connection
    finally:
        if not reset_session(connection, role):
            connection.close()


def runnable(shown: str, statements: Iterator[Statement]) -> Iterator[Statement]:
    """Yield what PostgreSQL understands; raise ``NotJudged`` at what only psql can do."""
    for one in statements:
        if not isinstance(one, Command):
            yield one
        elif not _HARMLESS.match(one.text):
            command = one.text.split()[0]
            raise NotJudged(f"{shown}:{one.line} uses {command}, which only psql can run")
