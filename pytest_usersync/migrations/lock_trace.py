"""Apply a project's migrations once more and see which locks on ``auth.users`` they hold, how long.

Between two statements of a file, in the file's own transaction, a query notes what its session
holds and how many rows it has read and written so far. What grows with the users shows itself by
there being users.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import Error, sql

from ..platform import platform
from ..postgres import Server, database
from .apply_errors import MigrationFailure
from .lock_queries import IDS, LISTEN, NOTE, SIGN_UP, TRIGGERS, filled
from .model import Migration, Project
from .observed_apply import Noted, is_watched
from .split import Statement

# Those under which Supabase Auth cannot write, the strongest last.
BLOCKING = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
USERS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """What was so after one statement of a file.

    Args:
        modes: the locks on ``auth.users`` that keep Supabase Auth from writing, weakest first.
        rows: how many rows of tables the statement read and wrote; of the one that takes the lock,
            only those behind the command that did.
    """

    statement: Statement
    modes: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Watched:
    """One file, statement by statement.

    Args:
        lasting: the triggers on ``auth.users`` that are there before and after it, and that
            ``create or replace trigger`` knows, which a constraint trigger is not.
    """

    migration: Migration
    steps: tuple[Step, ...]
    lasting: tuple[str, ...]

    @property
    def strongest(self) -> int:
        """Return the place in ``BLOCKING`` of the strongest lock it held, or -1."""
        held = [BLOCKING.index(mode) for step in self.steps for mode in step.modes]
        return max(held, default=-1)


def watch(
    server: Server,
    project: Project,
    *,
    metadata: str = "{}",
    users: int = USERS,
    without: Statement | None = None,
) -> tuple[Watched, ...]:
    """Apply the migrations to a clone of the platform with users, and return what was seen.

    A file that applies only where there are no users holds nothing up, so that it is taken without
    them: then users come behind the last such file, and what was seen of earlier files stays.

    Args:
        server: where the platform's template is.
        project: what to apply; dumps and what is done by hand are applied and not watched.
        metadata: the user metadata, as JSON; ``{n}`` in it becomes the user's number.
        users: how many there are before the first migration; as many come whenever the triggers
            have changed, so that the project's own tables have rows, too.
        without: a statement to leave out.
    """
    # What comes after the migrations is not watched, and may take long.
    project = replace(project, hook="", after=())
    seen, failed = _pass(server, project, _Users(metadata, users), without)
    if not failed or not users:
        return seen
    late = max(failed)
    again, _ = _pass(server, project, _Users(metadata, users, late), without)
    whole = {one.migration.path: one for one in seen if one.migration.path not in failed.values()}
    early = {migration.path for migration in project.files[: late + 1]}
    return tuple(
        whole.get(one.migration.path, one) if one.migration.path in early else one for one in again
    )


@dataclass
class _Users:
    """The users who sign up; ``late`` is the place of the last file that is to find none."""

    metadata: str
    each: int
    late: int = -1
    number: int = 0


def _pass(
    server: Server, project: Project, users: _Users, without: Statement | None
) -> tuple[tuple[Watched, ...], dict[int, Path]]:
    """Apply everything once; return what was seen, and the files that did not apply as a whole."""
    name = database.fresh_name("held")
    try:
        database.clone(server, platform.template(server), name)
        with closing(_Watching(server, name, project, users, without)) as watching:
            watching.loaded(stop=False)
            return tuple(watching.files), watching.failed
    finally:
        database.drop(server, name)


class _Watching(Noted):
    """A loading that notes after every statement of a migration what the session holds."""

    def __init__(
        self,
        server: Server,
        name: str,
        project: Project,
        users: _Users,
        without: Statement | None,
    ) -> None:
        super().__init__(server, name, project)
        self.files: list[Watched] = []
        self.failed: dict[int, Path] = {}
        self._users = users
        self._without = without
        self._known: dict[str, bool] | None = None
        ids = self.superuser.execute(IDS).fetchone() or {}
        words = {**ids, "blocking": f"'{{{','.join(BLOCKING)}}}'"}
        self._note = filled(NOTE, words)
        self.superuser.execute(filled(LISTEN, words).encode())

    def _apply(self, migration: Migration) -> MigrationFailure | None:
        if not is_watched(migration):
            return super()._apply(migration)
        before = self._triggers()
        place = self.project.files.index(migration)
        if before != self._known and place > self._users.late:
            self._known = before
            self._sign_up()
        statements = [one for one in migration.statements if one is not self._without]
        applied, whole = self.noted(migration, self._note, statements)
        if not whole:
            self.failed[place] = migration.path
        if applied is None:
            return super()._apply(migration)
        steps = tuple(self._steps(applied))
        after = self._triggers()
        lasting = tuple(name for name in before if before[name] and after.get(name))
        self.files.append(Watched(migration, steps, lasting))
        return None

    def _steps(self, statements: list[Statement]) -> Iterator[Step]:
        rows, held = 0, False
        for line in self.notes():
            index, locks, seen, locked = line.split()
            modes = tuple(one for one in BLOCKING if one in locks.split(","))
            # Of the statement that locks, what it did before does not count.
            since = max(rows, int(locked)) if modes and not held and locked != "-" else rows
            yield Step(statements[int(index)], modes, max(0, int(seen) - since))
            rows, held = int(seen), bool(modes)

    def _triggers(self) -> dict[str, bool]:
        return {row["name"]: row["replaceable"] for row in self.superuser.execute(TRIGGERS)}

    def _sign_up(self) -> None:
        """Let users sign up; where the triggers refuse them, let them be there anyway."""
        users = self._users
        first, users.number = users.number + 1, users.number + users.each
        statement = sql.SQL(SIGN_UP).format(
            metadata=sql.Literal(users.metadata),
            first=sql.Literal(first),
            last=sql.Literal(users.number),
        )
        for setting in (
            "set local role supabase_auth_admin",
            "set local session_replication_role = replica",
        ):
            with suppress(Error), self.harness.transaction():
                self.harness.execute("set local statement_timeout = '5s'")
                self.harness.execute(setting)
                self.harness.execute(statement)
                return
