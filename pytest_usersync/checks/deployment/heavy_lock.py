"""US703: a migration locks ``auth.users`` harder or longer than it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ...migrations import blank_comments
from ...migrations.lock_trace import BLOCKING, USERS, LockTrace, Step, trace_locks
from ...model.finding import Finding, Level, Location, NotApplicable
from ...model.names import mentions
from ...runner.check import Needs, check
from ...runner.context import CheckContext

MODES = dict(
    zip(BLOCKING, ("SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"), strict=True)
)
LOCK = re.compile(r"\s*lock\b", re.IGNORECASE)
FOREIGN_KEY = re.compile(r"\balter\s+table\b.*\breferences\b", re.IGNORECASE | re.DOTALL)
DROP = re.compile(r"\bdrop\b.*", re.IGNORECASE | re.DOTALL)
SEEN = """select mode
from pg_catalog.pg_locks
where relation = 'auth.users'::regclass and pid = pg_catalog.pg_backend_pid();
rollback;
"""


@check(
    "US703",
    level=Level.WARNING,
    symptom="Deployment: a migration blocks signups while it runs",
    needs=Needs.DATABASE,
)
def heavy_lock(context: CheckContext) -> Iterable[Finding]:
    """No migration holds a lock on `auth.users` that is stronger or longer than it needs
    (observed).

    A file is one transaction: its locks stay until it ends. `create trigger` and a foreign key need
    SHARE ROW EXCLUSIVE on `auth.users`; from then on no user can sign up or sign in (a sign-in
    updates the row). That takes milliseconds if no other work follows.

    The check applies the migrations again to a database with users, and reads the locks of its
    session after every statement. It reports three kinds of findings:

    - Longer: while the lock is held, a statement reads or writes rows whose number grows with the
      users: a backfill, an index, the check of a foreign key on a filled table. With 100 users it
      is fast; with a million it is an outage. Move it to the next file: the lock ends with the file
      of the trigger, and the trigger serves every user who signs up in between.
    - Stronger: an existing trigger is dropped and created again. `drop trigger` takes ACCESS
      EXCLUSIVE, which also blocks readers. It waits for every reader, such as a backup, and all
      sign-ins wait behind it. `create or replace trigger` does not need this lock. `drop trigger if
      exists` locks nothing if there is no such trigger.
    - Stronger: `lock table auth.users`, in a mode that no other statement of the file needs.

    A file that fails on a database with users blocks no user there; the check applies it without
    users. Not judged: the duration of a statement whose rows do not grow; dumps; `usersync_load`. A
    file that is already deployed cannot be changed any more: accept it in the baseline.
    """
    seen = trace_locks(
        context.subject.server, context.subject.project, metadata=context.sync.metadata
    )
    if not seen:
        raise NotApplicable("no migration is applied in the way of the Supabase CLI")
    grown = _grown(context, seen)
    for one in seen:
        yield from _longer(context, one, grown)
        yield from _stronger(context, one)


def _grown(context: CheckContext, files: tuple[LockTrace, ...]) -> dict[tuple[str, int], int]:
    """Return how many rows each statement touched that it would not touch without users."""
    if not any(step.modes and step.rows >= USERS for one in files for step in one.steps):
        return {}
    empty = trace_locks(context.subject.server, context.subject.project, users=0)
    without = {
        (str(one.migration.path), step.statement.offset): step.rows
        for one in empty
        for step in one.steps
    }
    touched = {
        (str(one.migration.path), step.statement.offset): step.rows
        for one in files
        for step in one.steps
    }
    return {place: rows - without.get(place, 0) for place, rows in touched.items()}


def _longer(
    context: CheckContext, one: LockTrace, grown: dict[tuple[str, int], int]
) -> Iterator[Finding]:
    file = str(one.migration.path)
    held: Step | None = None
    for step in one.steps:
        held = (held or step) if step.modes else None
        if held and grown.get((file, step.statement.offset), 0) >= USERS:
            yield _outage(context, one, held, step)
            return


def _outage(context: CheckContext, one: LockTrace, held: Step, step: Step) -> Finding:
    place, mode = _place(context, one, step), MODES[held.modes[-1]]
    since = f"locked by the same statement ({mode})"
    remedy = (
        f"Move line {place.line} of {one.migration.path.name} to a separate, later migration: the"
        " lock ends with its file."
    )
    if held is not step:
        since = f"locked by line {_place(context, one, held).line} ({mode})"
    elif FOREIGN_KEY.search(blank_comments(step.statement.text)):
        remedy = (
            "Add the foreign key `not valid`, and validate it in the next migration, which blocks"
            " no signup: alter table … validate constraint …;"
        )
    lock = f"lock table auth.users in {mode.lower()} mode;\n"
    return Finding(
        summary=f"{place} reads or writes rows for every user while the file holds auth.users,"
        f" {since}: no user can sign up or sign in until the file ends",
        sql=_shown(context, [lock + _sent(step), lock]),
        remedy=remedy,
        location=place,
    )


def _stronger(context: CheckContext, one: LockTrace) -> Iterator[Finding]:
    known: tuple[str, ...] = ()
    for step in one.steps:
        fresh = [mode for mode in step.modes if mode not in known]
        known = step.modes
        if fresh and LOCK.match(blank_comments(step.statement.text)):
            if _needed(context, one, step) < BLOCKING.index(fresh[-1]):
                yield _locked(context, one, step, MODES[fresh[-1]])
        elif "AccessExclusiveLock" in fresh and (again := _again(one, step)):
            yield _dropped(context, one, step, again)


def _needed(context: CheckContext, one: LockTrace, lock: Step) -> int:
    """Return which of the locks the file takes without one of its statements."""
    project = context.subject.project
    metadata = context.sync.metadata
    seen = trace_locks(context.subject.server, project, metadata=metadata, without=lock.statement)
    same = [file for file in seen if file.migration is one.migration]
    return same[0].strongest if same else len(BLOCKING)


def _locked(context: CheckContext, one: LockTrace, step: Step, mode: str) -> Finding:
    place = _place(context, one, step)
    return Finding(
        summary=f"{place} locks auth.users in {mode} mode, which the file does not need: no user"
        " can sign up or sign in until the file ends",
        sql=_shown(context, [_sent(step)]),
        remedy=f"Remove line {place.line} of {one.migration.path.name}. `create trigger` waits"
        " for open signups and takes the lock that it needs.",
        location=place,
    )


def _again(one: LockTrace, step: Step) -> str:
    """Name the triggers that the statement drops and the file creates again."""
    dropped = DROP.search(blank_comments(step.statement.text))
    text = dropped[0] if dropped else ""
    named = [name for name in one.lasting if mentions(text, name)]
    cascade = re.search(r"\bcascade\b", text, re.IGNORECASE)
    return ", ".join(named or (one.lasting if cascade else ()))


def _dropped(context: CheckContext, one: LockTrace, step: Step, again: str) -> Finding:
    place = _place(context, one, step)
    return Finding(
        summary=f"{place} drops {again}, which the file then creates again. This takes an ACCESS"
        " EXCLUSIVE lock on auth.users: it waits for every reader, and no session can read the"
        " table until the file ends",
        sql=_shown(context, [_sent(step)]),
        remedy=f"Remove the drop and write `create or replace trigger` for {again} (and `create"
        " or replace function`): it takes only SHARE ROW EXCLUSIVE, as `create trigger` does.",
        location=place,
    )


def _shown(context: CheckContext, bodies: Sequence[str]) -> str:
    """Return the first body that runs on the loaded database, as a script that shows the locks."""
    scripts = [f"begin;\n{body}{SEEN}" for body in bodies]
    return next((one for one in scripts if _runs(context, one)), scripts[-1])


def _runs(context: CheckContext, script: str) -> bool:
    session = context.connect()
    return context.attempt(lambda: session.execute(script.encode())) is None


def _sent(step: Step) -> str:
    return step.statement.text.rstrip().rstrip(";") + ";\n"


def _place(context: CheckContext, one: LockTrace, step: Step) -> Location:
    return context.subject.project.location(one.migration, *step.statement.place())
