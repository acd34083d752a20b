"""Trace which locks on ``auth.users`` the migrations hold, and for how long.

The migrations are applied once more. After each statement, in the file's own transaction, a query
asks which locks the session holds and how many rows it has read and written so far. There are users
in the database, so that work on every user can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import Error, sql

from ..postgres import Server, database
from ..postgres.database import Connection
from .applier import Applier
from .load import open_applier
from .lock_queries import IDS, LISTEN, QUESTION, SIGN_UP, TRIGGERS, fill
from .model import Migration, Project
from .observed_apply import Observation, StatementObserver, apply_observed
from .split import Statement

# The locks that keep Supabase Auth from writing, the strongest last.
BLOCKING = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
USERS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """The locks after one statement of a file.

    Args:
        modes: the locks on ``auth.users`` that keep Supabase Auth from writing, weakest first.
        rows: how many rows the statement read and wrote; of the statement that takes the lock only
            those after the command that takes it.
    """

    statement: Statement
    modes: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class LockTrace:
    """The locks of one file, statement by statement.

    Args:
        lasting: the triggers on ``auth.users`` that are there before and after the file; without
            constraint triggers, which ``create or replace trigger`` cannot replace.
    """

    migration: Migration
    steps: tuple[Step, ...]
    lasting: tuple[str, ...]

    @property
    def strongest(self) -> int:
        """Return the place in ``BLOCKING`` of the strongest lock it held, or -1."""
        held = [BLOCKING.index(mode) for step in self.steps for mode in step.modes]
        return max(held, default=-1)


def trace_locks(
    server: Server,
    project: Project,
    *,
    metadata: str = "{}",
    users: int = USERS,
    without: Statement | None = None,
) -> tuple[LockTrace, ...]:
    """Apply the migrations to a clone of the platform that has users, and return their locks.

    A file that applies only where there are no users blocks no signup. When there is one, the
    migrations are applied again, and users sign up only after the last such file; the traces of
    the files before it are those of the first time.

    Args:
        server: where the platform's template is.
        project: what to apply; dumps and what is done by hand are applied and not traced.
        metadata: the user metadata, as JSON; ``{n}`` in it becomes the user's number.
        users: how many sign up before the first migration, and again whenever the triggers have
            changed, so that the project's own tables have rows, too.
        without: a statement to leave out.
    """
    # What comes after the migrations is not traced, and may take long.
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
    """The users who sign up; ``late`` is the index of the last file before which nobody does."""

    metadata: str
    each: int
    late: int = -1
    number: int = 0


def _pass(
    server: Server, project: Project, users: _Users, without: Statement | None
) -> tuple[tuple[LockTrace, ...], dict[int, Path]]:
    """Apply everything once; return the traces, and the files that did not apply as a whole."""
    with (
        open_applier(server, project, "locks") as applier,
        closing(database.connect(server, applier.name)) as superuser,
        closing(database.connect(server, applier.name, database.HARNESS)) as harness,
    ):
        locks = _LockObserver(superuser, harness, users, without)
        applier.apply(observer=locks.observe)
        return tuple(locks.files), locks.failed


class _LockObserver:
    """An observer that asks after every statement of a migration which locks its session holds."""

    def __init__(
        self,
        superuser: Connection,
        harness: Connection,
        users: _Users,
        without: Statement | None,
    ) -> None:
        self.files: list[LockTrace] = []
        self.failed: dict[int, Path] = {}
        self._superuser = superuser
        self._harness = harness
        self._users = users
        self._without = without
        self._known: dict[str, bool] | None = None
        ids = superuser.execute(IDS).fetchone() or {}
        words = {**ids, "blocking": f"'{{{','.join(BLOCKING)}}}'"}
        self._observer = StatementObserver(fill(QUESTION, words))
        superuser.execute(fill(LISTEN, words).encode())

    def observe(self, applier: Applier, migration: Migration) -> bool:
        """Trace a file that is one transaction, if it applies a second time."""
        if not migration.is_one_transaction:
            return False
        before = self._triggers()
        place = applier.project.files.index(migration)
        if before != self._known and place > self._users.late:
            self._known = before
            self._sign_up()
        statements = [one for one in migration.statements if one is not self._without]
        seen = apply_observed(applier, migration, statements, self._observer)
        if not (seen and seen.whole):
            self.failed[place] = migration.path
        if seen:
            after = self._triggers()
            lasting = tuple(name for name in before if before[name] and after.get(name))
            self.files.append(LockTrace(migration, tuple(_steps(seen)), lasting))
        return seen is not None

    def _triggers(self) -> dict[str, bool]:
        return {row["name"]: row["replaceable"] for row in self._superuser.execute(TRIGGERS)}

    def _sign_up(self) -> None:
        """Let users sign up; insert them without triggers if the triggers refuse them."""
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
            with suppress(Error), self._harness.transaction():
                self._harness.execute("set local statement_timeout = '5s'")
                self._harness.execute(setting)
                self._harness.execute(statement)
                return


def _steps(seen: Observation) -> Iterator[Step]:
    rows, held = 0, False
    for statement, (locks, now, before_lock) in zip(seen.statements, seen.answers, strict=True):
        modes = tuple(one for one in BLOCKING if one in locks.split(","))
        # Of the statement that takes the lock, what it did before does not count.
        since = max(rows, int(before_lock)) if modes and not held and before_lock else rows
        yield Step(statement, modes, max(0, int(now) - since))
        rows, held = int(now), bool(modes)
