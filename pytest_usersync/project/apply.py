"""Apply a project's migrations to a clone of the platform, as the Supabase CLI would."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass

from psycopg.errors import Diagnostic
from psycopg.pq import ConnStatus, TransactionStatus

from .. import database, platform
from ..database import Connection
from ..finding import Failure, Location
from ..server import Server
from .doors import through_door
from .locate import block_offset
from .model import Migration, Project
from .pipeline import Query, Refusal, run
from .split import Statement, blank_comments

_HISTORY = """
    set local lock_timeout = '4s';
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (
        version text not null primary key
    );
    alter table supabase_migrations.schema_migrations
        add column if not exists statements text[],
        add column if not exists name text
"""
_RECORD = """
    insert into supabase_migrations.schema_migrations (version, name, statements)
    values ($1::text, $2::text, $3::text[])
"""
_BEGIN = re.compile(r"\s*(?:begin|start\s+transaction)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MigrationFailure:
    """A migration that does not apply; without a statement it failed at the CLI's history row."""

    migration: Migration
    statement: Statement | None
    failure: Failure

    def __str__(self) -> str:
        return f"{self.failure.location}: {self.failure.message}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What PostgreSQL said beside its results; ``severity`` is one of its words, ``WARNING``."""

    severity: str
    text: str
    migration: Migration


@dataclass(frozen=True, slots=True)
class Loaded:
    """A database with what could be applied; after a failure the later migrations are missing."""

    database: str
    failure: MigrationFailure | None
    applied: tuple[Migration, ...]
    notices: tuple[Notice, ...]


def load(server: Server, template: str, project: Project, *, limit: float = 60.0) -> Loaded:
    """Return a new clone of ``template`` with the project's migrations; the caller drops it.

    Each file is a transaction of its own, its history row included; all share one session, and
    the first failure ends it.

    Args:
        server: where the template is.
        template: the platform's database.
        project: what to apply.
        limit: seconds that one file may take.
    """
    name = database.fresh_name("project")
    database.clone(server, template, name)
    try:
        role = platform.migration_role(server)
        with closing(database.connect(server, name, role)) as connection:
            return _Loading(connection, project, limit).loaded(name)
    except BaseException:
        database.drop(server, name)
        raise


class _Loading:
    """One session that applies one project."""

    def __init__(self, connection: Connection, project: Project, limit: float) -> None:
        self.connection = connection
        self.project = project
        self.limit = limit
        self.notices: list[Notice] = []
        self.applied: list[Migration] = []

    def loaded(self, name: str) -> Loaded:
        with self.connection.transaction():
            self.connection.execute(_HISTORY)
        failure = None
        for migration in self.project.migrations:
            if failure := self._apply(migration):
                break
            self.applied.append(migration)
        return Loaded(name, failure, tuple(self.applied), tuple(self.notices))

    def _apply(self, migration: Migration) -> MigrationFailure | None:
        def note(said: Diagnostic) -> None:
            text = said.message_primary or ""
            self.notices.append(Notice(said.severity or "", text, migration))

        self.connection.execute("reset all")
        self.connection.add_notice_handler(note)
        refusal = run(self.connection, _batch(migration), self.limit)
        if self.connection.pgconn.status == ConnStatus.OK:
            self.connection.remove_notice_handler(note)
        if refusal:
            return self._failed(migration, refusal)
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            return self._left_open(migration)
        return None

    def _failed(self, migration: Migration, refusal: Refusal) -> MigrationFailure:
        if refusal.index >= len(migration.statements):
            return self._unrecorded(migration, refusal)
        statement = migration.statements[refusal.index]
        location = self._at(migration, statement, _offset(statement, refusal))
        message, detail = refusal.message, refusal.detail
        if refusal.overtime:
            message, detail = f"still running after {self.limit:g} s, so it was cancelled", message
        # What a door does inside is the platform's business.
        context = "" if through_door(statement) else refusal.context
        failure = Failure(refusal.sqlstate, message, detail, refusal.hint, context, location)
        return MigrationFailure(migration, statement, failure)

    def _unrecorded(self, migration: Migration, refusal: Refusal) -> MigrationFailure:
        """Tell why the history row was refused, though every statement was done."""
        hint = refusal.hint
        if twin := next((one for one in self.applied if one.version == migration.version), None):
            hint = f"{self.project.shown(twin.path)} has the same version: give one another."
        elif refusal.sqlstate == "42501":
            hint = 'The file ends under a role that may not write it: end with "reset role".'
        failure = Failure(
            refusal.sqlstate,
            refusal.message,
            refusal.detail,
            hint,
            refusal.context,
            self.project.location(migration, 1),
        )
        return MigrationFailure(migration, None, failure)

    def _left_open(self, migration: Migration) -> MigrationFailure:
        """Tell what the CLI does not: its work is lost when it disconnects."""
        begins = [one for one in migration.statements if _BEGIN.match(blank_comments(one.text))]
        statement = begins[-1] if begins else None
        failure = Failure(
            "25001",
            "the file ends inside a transaction, which is lost when the session ends",
            hint='Remove the "begin", for every file is a transaction anyway, or add "commit".',
            location=self._at(migration, statement) if statement else None,
        )
        return MigrationFailure(migration, statement, failure)

    def _at(
        self, migration: Migration, statement: Statement, offset: int | None = None
    ) -> Location:
        return self.project.location(migration, *statement.place(offset))


def _batch(migration: Migration) -> list[Query]:
    texts = [statement.text for statement in migration.statements]
    record = Query(_RECORD, (migration.version, migration.name, _array(texts)))
    queries = [
        Query(*(through_door(statement) or (statement.text,))) for statement in migration.statements
    ]
    return [*queries, record]


def _offset(statement: Statement, refusal: Refusal) -> int | None:
    """Return the offset in the statement that PostgreSQL points at, if it points at one."""
    if refusal.position and refusal.internal in {"", statement.text}:
        return refusal.position - 1
    return block_offset(statement, refusal.context)


def _array(texts: list[str]) -> str:
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in escaped) + "}"
