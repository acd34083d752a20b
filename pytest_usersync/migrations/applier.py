"""The applier: applies a project's files to one database, as the tool they are written for does.

The Supabase CLI applies a migration as one transaction, psql applies a dump statement by statement,
and a hook is called. An observer can be given: it is called before each file, may apply the file
itself (see ``apply_observed``), and may act in other sessions meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from psycopg.errors import Diagnostic

from ..model.finding import Failure
from ..postgres import Server, database
from ..process import progress
from . import apply_errors, batch, hook, open_sessions
from .dump import PlatformObjects
from .layouts import is_whole
from .model import (
    LoadedProject,
    Manner,
    Migration,
    MigrationFailure,
    Notice,
    Project,
    hook_migration,
)
from .pipeline import Refusal, prepare, run
from .psql_run import PsqlRun, RefusedStatement, without_transactions
from .psql_script import cut
from .session import MigrationSession
from .split import Statement

# How many notices of one file are kept.
_NOTICES = 1000

# Called before each file; returns whether it has applied the file itself.
Observer: TypeAlias = "Callable[[Applier, Migration], bool]"


class Applier:
    """One session that applies one project."""

    def __init__(self, server: Server, name: str, project: Project) -> None:
        self.server = server
        self.name = name
        self.project = project
        self.session = MigrationSession(server, name)
        self.applied: list[Migration] = []
        self.failures: list[MigrationFailure] = []
        self._notices: list[Notice] = []
        self._unclosed: list[str] = []
        self._left_out = 0

    def close(self) -> None:
        """End the session; the next file opens another."""
        self.session.close()

    def apply(self, *, stop: bool = False, observer: Observer | None = None) -> LoadedProject:
        """Apply the files and return what became of them.

        Args:
            stop: whether the first failure ends it. Otherwise a file that failed is applied again
                statement by statement, for the sake of the files after it.
            observer: may apply files itself.
        """
        for _ in self.steps(stop=stop, observer=observer):
            pass
        if self._unclosed:
            open_sessions.refuse_connections(self.server, self.name)
        return self.result()

    def result(self) -> LoadedProject:
        """Return what has become of the files by now."""
        return LoadedProject(
            self.name,
            tuple(self.failures),
            tuple(self.applied),
            tuple(self._notices),
            self._left_out,
            unclosed=tuple(self._unclosed),
        )

    def steps(
        self, *, stop: bool, observer: Observer | None = None
    ) -> Iterator[tuple[Migration, MigrationFailure | None]]:
        """Apply one file after the other, and yield each once it is applied or has failed."""
        # The CLI makes its history before the first file, which may already read or write it.
        with self.session.connection.transaction():
            self.session.connection.execute(batch.HISTORY)
        files = self._files()
        for number, migration in enumerate(files, 1):
            with progress.doing(_doing(migration), number, len(files)):
                failure = self._step(migration, stop=stop, observer=observer)
            if failure:
                self.failures.append(failure)
            # A hook has no version, so that no file can be its twin.
            elif migration.role != "hook":
                self.applied.append(migration)
            yield migration, failure
            if failure and stop:
                return

    def _files(self) -> tuple[Migration, ...]:
        """Return the files in their order, the project's hook among them."""
        project = self.project
        name = project.hook
        hooks = [hook_migration(project.root / name, name)] if name else []
        return (*project.before, *project.migrations, *hooks, *project.after)

    def _step(
        self, migration: Migration, *, stop: bool, observer: Observer | None
    ) -> MigrationFailure | None:
        with self._collect_notices(migration):
            if observer and observer(self, migration):
                return None
            failure = self._apply(migration)
            # psql has done what it can of a script, and a hook cannot be cut into statements.
            if failure and not stop and migration.manner not in (Manner.SCRIPT, Manner.HOOK):
                failure = self._apply_rest(failure)
        return failure

    @contextmanager
    def _collect_notices(self, migration: Migration) -> Iterator[None]:
        """Keep what PostgreSQL says while one file is applied, with the session's own settings."""
        heard = 0

        def note(said: Diagnostic) -> None:
            nonlocal heard
            heard += 1
            if heard <= _NOTICES:
                text = said.message_primary or ""
                self._notices.append(Notice(said.severity or "", text, migration))

        self.session.reopen()
        connection = self.session.connection
        # The CLI sends this, too: a setting of one file is not there for the next.
        connection.execute("reset all")
        connection.add_notice_handler(note)
        yield
        if not connection.closed:
            connection.remove_notice_handler(note)
        if (more := heard - _NOTICES) > 0:
            self._notices.append(Notice("NOTICE", f"and {more} more notices", migration))

    def _apply(self, migration: Migration) -> MigrationFailure | None:
        if migration.unreadable:
            return apply_errors.unreadable_failure(self.project, migration, migration.unreadable)
        if migration.manner is Manner.SCRIPT:
            return self._script(migration)
        if migration.manner is Manner.HOOK:
            return self._hook(migration.name)
        refusal = self._batch(migration)
        if refusal is None:
            return None if self.session.is_idle() else self._left_open(migration)
        # Behind the last statement comes the insert into the table of applied migrations.
        if refusal.index >= len(migration.statements):
            return apply_errors.history_failure(self.project, migration, refusal, self.applied)
        statement = migration.statements[refusal.index]
        return apply_errors.statement_failure(self.project, migration, statement, refusal)

    def _batch(self, migration: Migration) -> Refusal | None:
        """Apply a file as one transaction."""
        statements = migration.statements
        queries = batch.queries(statements)
        queries += batch.record(self.project, migration, statements)
        connection = self.session.connection
        refusal = None
        if migration.manner is Manner.SEED:
            connection.execute(batch.SEEDS)
            # What only changes rows is understood beforehand or not at all, whenever it is parsed.
            if not all(map(batch.changes_rows, statements)):
                refusal = prepare(connection, queries)
        return refusal or run(connection, queries)

    def _hook(self, name: str) -> MigrationFailure | None:
        with open_sessions.end_open_sessions(self.server, self.name) as left:
            failure = hook.call(self.server, self.name, self.project, name)
        self._unclosed += [open_sessions.describe(name, [one]) for one in left.idle]
        if failure or not left.lost:
            return failure
        place = hook.place(self.project, name)
        return apply_errors.lost_sessions_failure(
            place, name, open_sessions.describe(name, left.lost)
        )

    def _script(self, migration: Migration) -> MigrationFailure | None:
        """Apply a dump, or what was written by hand, as psql would."""
        psql = PsqlRun(self.session)
        if is_whole(migration.text):
            with database.connect(self.server, self.name, database.HARNESS) as harness:
                # The dump's own transaction may hold the lock, and would wait for us to go on.
                harness.execute("set lock_timeout = '4s'; set search_path = ''")
                psql.harness, psql.known = harness, PlatformObjects.of(harness)
                psql.apply(migration.statements)
        else:
            psql.apply(migration.statements)
        self._left_out += psql.left_out
        if not psql.refused:
            return None if self.session.is_idle() else self._left_open(migration)
        (statement, refusal), *_ = psql.refused
        failure = apply_errors.statement_failure(self.project, migration, statement, refusal)
        self.session.roll_back()
        return replace(failure, missed=tuple(one for one, _ in psql.refused))

    def _left_open(self, migration: Migration) -> MigrationFailure:
        self.session.roll_back()
        return apply_errors.open_transaction_failure(self.project, migration)

    def _apply_rest(self, failed: MigrationFailure) -> MigrationFailure:
        """Apply what can be applied of a file that failed as a whole."""
        first = failed.statement
        self.session.roll_back()
        self.session.connection.execute("reset all")
        # A statement that did not come to an end would not do so now.
        endless = first if first and failed.failure.sqlstate == "57014" else None
        refused = self._statement_by_statement(failed.migration, endless)
        missed = [*([endless] if endless else []), *(one for one, _ in refused)]
        return replace(failed, missed=tuple(missed))

    def _statement_by_statement(
        self, migration: Migration, besides: Statement | None = None
    ) -> list[RefusedStatement]:
        psql = PsqlRun(self.session)
        statements: Iterable[Statement] = without_transactions(cut(migration.text))
        if besides:
            begin = _begin(besides)
            statements = (one for one in statements if one.offset != begin)
        psql.apply(statements)
        return psql.refused

    def apply_again(self, migration: Migration) -> list[tuple[Statement, Failure]]:
        """Apply a file to a database that has it; return the statements that are refused."""
        return [
            (
                statement,
                apply_errors.statement_failure(self.project, migration, statement, refusal).failure,
            )
            for statement, refusal in self._statement_by_statement(migration)
        ]


def _doing(migration: Migration) -> str:
    called = migration.manner is Manner.HOOK
    return f"calling {migration.name}" if called else f"applying {migration.path.name}"


def _begin(statement: Statement) -> int:
    """Return the offset in the file where a statement begins behind its comments."""
    return statement.offset + next(iter(cut(statement.text)), statement).offset
