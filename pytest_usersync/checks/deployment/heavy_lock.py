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


@check("US703", level=Level.WARNING, needs=Needs.DATABASE)
def heavy_lock(context: CheckContext) -> Iterable[Finding]:
    """No migration holds a lock on `auth.users` stronger or longer than it needs (observed).

    A file is one transaction: what it locks stays locked until its end. `create trigger` and a
    foreign key take SHARE ROW EXCLUSIVE on `auth.users`, and need it; from then on nobody can sign
    up or sign in (a sign-in updates the row). That takes milliseconds when nothing else follows.

    Observed: the migrations are applied once more to a database that has users, and after every
    statement the locks of its session are read. Three things are findings.

    - Longer: while the lock is held, a statement reads or writes rows whose number grows with the
      users: a backfill, an index, the check of a foreign key on a table that is already filled.
      With 100 users it is over at once, with a million it is an outage. Move it to the next file.
      The lock ends with the file of the trigger, and nobody slips through in between.
    - Stronger: a trigger that is there is dropped and created again. `drop trigger` takes ACCESS
      EXCLUSIVE, which keeps readers out, too, and waits for every one of them, such as a backup,
      with all sign-ins queueing behind it. `create or replace trigger` does without. `drop trigger
      if exists` of a trigger that is not there locks nothing.
    - Stronger: `lock table auth.users`, in a mode that nothing else in the file needs.

    A file that fails where there are users holds nothing up there, and is taken without them. Not
    judged: how long a statement takes that grows with nothing; dumps; what `usersync_load`
    runs. A file that production already has cannot be mended any more: accept it in the baseline.
    """
    seen = trace_locks(
        context.subject.server, context.subject.project, metadata=context.sync.metadata
    )
    if not seen:
        raise NotApplicable("no migration is applied as the Supabase CLI would apply it")
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
    since = f"which it locks itself ({mode})"
    remedy = (
        f"Move line {place.line} of {one.migration.path.name} to a migration of its own, behind"
        " this one: the lock ends with its file."
    )
    if held is not step:
        since = f"which line {_place(context, one, held).line} has locked ({mode})"
    elif FOREIGN_KEY.search(blank_comments(step.statement.text)):
        remedy = (
            "Add the foreign key `not valid`, and check it in the next migration, which locks"
            " nobody out: alter table … validate constraint …;"
        )
    lock = f"lock table auth.users in {mode.lower()} mode;\n"
    return Finding(
        summary=f"{place} reads or writes rows for every user while the file holds auth.users,"
        f" {since}: nobody can sign up or in until it is done",
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
        summary=f"{place} locks auth.users in {mode} mode, which nothing in the file needs:"
        " nobody can sign up or in until the file is done",
        sql=_shown(context, [_sent(step)]),
        remedy=f"Remove line {place.line} of {one.migration.path.name}. `create trigger` waits for"
        " the signups that are under way, and locks as much as it needs.",
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
        summary=f"{place} drops {again}, which the file then creates again, and so takes ACCESS"
        " EXCLUSIVE on auth.users: it waits for every reader, and nobody can even read until the"
        " file is done",
        sql=_shown(context, [_sent(step)]),
        remedy=f"Leave out the drop and write `create or replace trigger` for {again} (and `create"
        " or replace function`): it takes SHARE ROW EXCLUSIVE, as creating one does.",
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
