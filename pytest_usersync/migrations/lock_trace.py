"""Trace which locks on ``auth.users`` the migrations hold, and for how long.

The migrations are applied once more. After each statement, in the file's own transaction, a query
asks which locks the session holds and how many rows it has read and written so far. There are users
in the database, so that work on every user can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
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
    seen, failed = _trace_once(server, project, metadata, users, -1, without)
    if not failed or not users:
        return seen
    late = max(failed)
    again, _ = _trace_once(server, project, metadata, users, late, without)
    whole = {one.migration.path: one for one in seen if one.migration.path not in failed.values()}
    early = {migration.path for migration in project.files[: late + 1]}
    return tuple(
        whole.get(one.migration.path, one) if one.migration.path in early else one for one in again
    )


def _trace_once(
    server: Server,
    project: Project,
    metadata: str,
    users: int,
    late: int,
    without: Statement | None,
) -> tuple[tuple[LockTrace, ...], dict[int, Path]]:
    """Apply everything once; return the traces, and the files that did not apply as a whole."""
    with (
        open_applier(server, project, "locks") as applier,
        closing(database.connect(server, applier.name)) as superuser,
        closing(database.connect(server, applier.name, database.HARNESS)) as harness,
    ):
        ids = superuser.execute(IDS).fetchone() or {}
        words = {**ids, "blocking": f"'{{{','.join(BLOCKING)}}}'"}
        superuser.execute(fill(LISTEN, words).encode())
        ask = StatementObserver(fill(QUESTION, words))
        locks = _LockObserver(superuser, harness, ask, metadata, users, late, without)
        applier.apply(observer=locks.observe)
        return tuple(locks.files), locks.failed


@dataclass
class _LockObserver:
    """An observer that asks after every statement of a migration which locks its session holds.

    Args:
        users: how many sign up each time.
        late: the index of the last file before which nobody signs up.
        known: the triggers when users signed up last.
    """

    superuser: Connection
    harness: Connection
    ask: StatementObserver
    metadata: str
    users: int
    late: int
    without: Statement | None
    files: list[LockTrace] = field(default_factory=list)
    failed: dict[int, Path] = field(default_factory=dict)
    signed_up: int = 0
    known: dict[str, bool] | None = None

    def observe(self, applier: Applier, migration: Migration) -> bool:
        """Trace a file that is one transaction, if it applies a second time."""
        if not migration.is_one_transaction:
            return False
        before = self._triggers()
        place = applier.project.files.index(migration)
        if before != self.known and place > self.late:
            self.known = before
            self._sign_up()
        statements = [one for one in migration.statements if one is not self.without]
        seen = apply_observed(applier, migration, statements, self.ask)
        if not (seen and seen.whole):
            self.failed[place] = migration.path
        if seen:
            after = self._triggers()
            lasting = tuple(name for name in before if before[name] and after.get(name))
            self.files.append(LockTrace(migration, tuple(_steps(seen)), lasting))
        return seen is not None

    def _triggers(self) -> dict[str, bool]:
        return {row["name"]: row["replaceable"] for row in self.superuser.execute(TRIGGERS)}

    def _sign_up(self) -> None:
        """Let users sign up; insert them without triggers if the triggers refuse them."""
        first, self.signed_up = self.signed_up + 1, self.signed_up + self.users
        statement = sql.SQL(SIGN_UP).format(
            metadata=sql.Literal(self.metadata),
            first=sql.Literal(first),
            last=sql.Literal(self.signed_up),
        )
        # A trigger may refuse users who are all alike; their rows are still work for a migration.
        for setting in (
            "set local role supabase_auth_admin",
            "set local session_replication_role = replica",
        ):
            with suppress(Error), self.harness.transaction():
                self.harness.execute("set local statement_timeout = '5s'")
                self.harness.execute(setting)
                self.harness.execute(statement)
                return


def _steps(seen: Observation) -> Iterator[Step]:
    rows, held = 0, False
    for statement, (locks, now, before_lock) in zip(seen.statements, seen.answers, strict=True):
        modes = tuple(one for one in BLOCKING if one in locks.split(","))
        # Of the statement that takes the lock, what it did before does not count.
        since = max(rows, int(before_lock)) if modes and not held and before_lock else rows
        yield Step(statement, modes, max(0, int(now) - since))
        rows, held = int(now), bool(modes)
