"""Apply a project's migrations to a clone of the platform, as the Supabase CLI would."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from psycopg import sql
from psycopg.errors import Diagnostic
from psycopg.pq import ConnStatus

from ..platform import platform
from ..postgres import Server, database, statement_timeout
from ..postgres.database import Connection
from ..process import progress
from . import hook, leftover_roles, open_sessions
from .apply_errors import MigrationFailure, left_open, refused, unfinished, unreadable, unrecorded
from .dump import Known
from .each_statement import Again, is_idle, without_transactions
from .layouts import is_whole
from .loaded import Loaded, Notice
from .model import Manner, Migration, Project
from .pipeline import Query, Refusal, prepare, run
from .privileges import through_door
from .psql_script import cut
from .split import Statement

# How many notices of one file are kept.
_NOTICES = 1000
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
_SEEDS = """
    create table if not exists supabase_migrations.seed_files (
        path text not null primary key,
        hash text not null
    )
"""
# Whom the harness cannot take: roles of the project. PostgreSQL's own begin with pg_.
_STRANGERS = """
    select r.rolname
    from pg_catalog.pg_roles as r
    where not r.rolsuper
        and not pg_catalog.starts_with(r.rolname, 'pg_')
        and not pg_catalog.pg_has_role(%(harness)s, r.oid, %(taking)s)
        and (
            %(own)s
            or r.rolname = any (%(made)s)
        )
    order by r.rolname
"""
_RECORD_SEED = """
    insert into supabase_migrations.seed_files (path, hash)
    values ($1::text, $2::text)
    on conflict (path) do update set hash = excluded.hash
"""


def load(
    server: Server,
    template: str,
    project: Project,
    *,
    limit: float | None = None,
    stop: bool = False,
) -> Loaded:
    """Return a new clone of ``template`` with the project's migrations; the caller drops it.

    Each file is a transaction of its own, its history row included, and all share one session. A
    file that fails is rolled back and not recorded; then it is taken again statement by statement,
    so that what can be applied is there for the files after it.

    Args:
        server: where the template is.
        template: the platform's database.
        project: what to apply.
        limit: seconds that a statement may take; by default those of the run.
        stop: whether the first failure ends it, as it would end the CLI's work.
    """
    name = database.fresh_name("project")
    try:
        database.clone(server, template, name)
        with (
            leftover_roles.noted(server, project),
            limited(server, name, limit),
            closing(Loading(server, name, project)) as loading,
        ):
            loaded = loading.loaded(stop=stop)
        let_harness_in(server, name)
    except BaseException:
        database.drop(server, name)
        raise
    return loaded


def let_harness_in(server: Server, name: str) -> None:
    """Let the harness take the roles that the project made; others' roles stay as they are."""
    # Who makes a role is an administrator of it, and from PostgreSQL 16 on may not take it by that.
    taking = "set" if server.version >= 160000 else "member"
    given = {
        "harness": database.HARNESS,
        "own": server.own,
        "made": leftover_roles.made(server),
        "taking": taking,
    }
    with database.connect(server, name) as superuser:
        for row in superuser.execute(_STRANGERS, given).fetchall():
            grant = sql.SQL("grant {} to {}")
            superuser.execute(
                grant.format(sql.Identifier(row["rolname"]), sql.Identifier(database.HARNESS))
            )


@contextmanager
def limited(server: Server, name: str, limit: float | None = None) -> Iterator[None]:
    """End what takes longer than it may while a project is loaded into a database."""
    seconds = limit or statement_timeout.loading()
    with statement_timeout.watching(server), statement_timeout.allowing(name, seconds):
        yield


class Loading:
    """One session that applies one project."""

    def __init__(self, server: Server, name: str, project: Project) -> None:
        self.server = server
        self.name = name
        self.project = project
        self.left_out = 0
        self.notices: list[Notice] = []
        self.unclosed: list[str] = []
        self._said = 0
        self.applied: list[Migration] = []
        self.connection = self._connect()

    def _connect(self) -> Connection:
        return database.connect(self.server, self.name, platform.migration_role(self.server))

    def close(self) -> None:
        """End the session."""
        self.connection.close()

    def begin(self) -> None:
        """Make the history, as the CLI does before the first file."""
        with self.connection.transaction():
            self.connection.execute(_HISTORY)

    def loaded(self, *, stop: bool) -> Loaded:
        """Apply the files and return what became of them."""
        self.begin()
        failures: list[MigrationFailure] = []
        for _, failure in self.steps(go_on=not stop):
            if failure:
                failures.append(failure)
            if failure and stop:
                break
        if self.unclosed:
            open_sessions.shut_out(self.server, self.name)
        return self.so_far(failures)

    def so_far(self, failures: Iterable[MigrationFailure]) -> Loaded:
        """Return what has become of the files by now, those that failed given."""
        applied, notices = tuple(self.applied), tuple(self.notices)
        left = tuple(self.unclosed)
        return Loaded(self.name, tuple(failures), applied, notices, self.left_out, unclosed=left)

    def steps(self, *, go_on: bool) -> Iterator[tuple[Migration, MigrationFailure | None]]:
        """Apply one file after the other, and yield each once it is applied or has failed."""
        files = (*self.project.before, *self.project.migrations)
        yield from self._files(files, go_on=go_on)
        if self.project.hook:
            name = self.project.hook
            hooked = Migration(self.project.root / name, name, name, "", Manner.HOOK, "hook")
            with progress.doing(f"calling {name}"):
                failure = self._hook(name)
            yield hooked, failure
        yield from self._files(self.project.after, go_on=go_on)

    def _files(
        self, files: Sequence[Migration], *, go_on: bool
    ) -> Iterator[tuple[Migration, MigrationFailure | None]]:
        for number, migration in enumerate(files, 1):
            step = progress.doing(f"applying {migration.path.name}", number, len(files))
            with step, self._noting(migration):
                failure = self._apply(migration)
                if failure and go_on and migration.manner not in (Manner.SCRIPT, Manner.HOOK):
                    failure = self._again(failure)
            if not failure:
                self.applied.append(migration)
            yield migration, failure

    @contextmanager
    def _noting(self, migration: Migration) -> Iterator[None]:
        """Keep what PostgreSQL says while one file is applied, with the session's own settings."""

        def note(said: Diagnostic) -> None:
            self._said += 1
            if self._said <= _NOTICES:
                text = said.message_primary or ""
                self.notices.append(Notice(said.severity or "", text, migration))

        if self.connection.pgconn.status != ConnStatus.OK:
            self.connection = self._connect()
        self.connection.execute("reset all")
        noted = self.connection
        noted.add_notice_handler(note)
        yield
        if not noted.closed:
            noted.remove_notice_handler(note)
        if (more := self._said - _NOTICES) > 0:
            self.notices.append(Notice("NOTICE", f"and {more} more notices", migration))
        self._said = 0

    def _apply(self, migration: Migration) -> MigrationFailure | None:
        if migration.unreadable:
            return unreadable(self.project, migration, migration.unreadable)
        if migration.manner is Manner.SCRIPT:
            return self._script(migration)
        if migration.manner is Manner.HOOK:
            return self._hook(migration.name)
        batch = queries(self.project, migration, migration.statements)
        refusal = None
        if migration.manner is Manner.SEED:
            self.connection.execute(_SEEDS)
            # What only changes rows is understood beforehand or not at all, whenever it is parsed.
            if not all(map(_changes_rows, migration.statements)):
                refusal = prepare(self.connection, batch)
        refusal = refusal or run(self.connection, batch)
        if refusal:
            return self._failed(migration, refusal)
        return None if is_idle(self.connection) else left_open(self.project, migration)

    def _hook(self, name: str) -> MigrationFailure | None:
        with open_sessions.ended(self.server, self.name) as left:
            failure = hook.call(self.server, self.name, self.project, name)
        self.unclosed += [open_sessions.told(name, [one]) for one in left.idle]
        if failure or not left.lost:
            return failure
        return unfinished(hook.place(self.project, name), name, open_sessions.told(name, left.lost))

    def _failed(self, migration: Migration, refusal: Refusal) -> MigrationFailure:
        if refusal.index >= len(migration.statements):
            return unrecorded(self.project, migration, refusal, self.applied)
        statement = migration.statements[refusal.index]
        return refused(self.project, migration, statement, refusal)

    def _script(self, migration: Migration) -> MigrationFailure | None:
        """Apply a dump, or what was written by hand, as psql would."""
        again = Again(self.connection, self._connect)
        if is_whole(migration.text):
            with database.connect(self.server, self.name, database.HARNESS) as harness:
                harness.execute("set lock_timeout = '4s'; set search_path = ''")
                again.harness, again.known = harness, Known.of(harness)
                self.connection = again.run(migration.statements)
        else:
            self.connection = again.run(migration.statements)
        self.left_out += again.left_out
        if not again.refused:
            return None if is_idle(self.connection) else self._unfinished(migration)
        (statement, refusal), *_ = again.refused
        failure = refused(self.project, migration, statement, refusal)
        self._end_transaction()
        return replace(failure, missed=tuple(one for one, _ in again.refused))

    def _unfinished(self, migration: Migration) -> MigrationFailure:
        self._end_transaction()
        return left_open(self.project, migration)

    def _again(self, failed: MigrationFailure) -> MigrationFailure:
        """Take a file that failed again, without what did not come to an end before."""
        migration, first = failed.migration, failed.statement
        self._end_transaction()
        self.connection.execute("reset all")
        endless = first if first and failed.failure.sqlstate == "57014" else None
        statements = [
            one
            for one in without_transactions(cut(migration.text))
            if not endless or one.offset != _begin(endless)
        ]
        again = Again(self.connection, self._connect)
        self.connection = again.run(statements)
        missed = [*([endless] if endless else []), *(one for one, _ in again.refused)]
        return replace(failed, missed=tuple(missed))

    def _end_transaction(self) -> None:
        if self.connection.pgconn.status != ConnStatus.OK:
            self.connection.close()
            self.connection = self._connect()
        elif not is_idle(self.connection):
            self.connection.execute("rollback")


def queries(project: Project, migration: Migration, statements: Sequence[Statement]) -> list[Query]:
    """Return the statements of a file as they are sent, and the row that records it, if any."""
    batch = [
        Query(*(through_door(statement) or (statement.text,)))
        if statement.text[:6].lower() != "insert"
        else Query(statement.text)
        for statement in statements
    ]
    if migration.manner is Manner.CLI:
        texts = [statement.text for statement in statements]
        batch.append(Query(_RECORD, (migration.version, migration.name, _array(texts))))
    elif migration.manner is Manner.SEED:
        content = migration.text.encode("utf-8", "surrogateescape")
        row = (project.shown(migration.path), hashlib.sha256(content).hexdigest())
        batch.append(Query(_RECORD_SEED, row))
    return batch


def _changes_rows(statement: Statement) -> bool:
    return statement.text[:6].lower() in {"insert", "update", "delete"}


def _begin(statement: Statement) -> int:
    """Return the offset in the file where a statement begins behind its comments."""
    return statement.offset + next(iter(cut(statement.text)), statement).offset


def _array(texts: list[str]) -> str:
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in escaped) + "}"
