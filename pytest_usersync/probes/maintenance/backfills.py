"""Find the project's backfill: as the user names it, or by trying what may be one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import Error
from psycopg.errors import InvalidTransactionTermination

from ...migrations import Migration, blank_comments, locate_function
from ...migrations.psql_script import Command, Copy, cut
from ...model.finding import Failure, Location, NotJudged
from ...model.names import mentions
from ...postgres.catalog.functions import Function
from ...runner.check import Subject
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context
from . import ghosts, maintenance
from .routines import Routine, at_work, runnable

if TYPE_CHECKING:
    pass

# More functions than this are not tried: a project of hundreds has other business.
_TRIED = 12

_FILLS = re.compile(r"\binsert\s+into\b|\bmerge\s+into\b", re.IGNORECASE)
_USERS = re.compile(r'"?\bauth"?\s*\.\s*"?users\b', re.IGNORECASE)
_INTO_USERS = re.compile(r'\binto\s+"?auth"?\s*\.\s*"?users\b', re.IGNORECASE)
_DOES = re.compile(r"(?:insert|with|do|merge)\b", re.IGNORECASE)
_CALLS = re.compile(r"(?:call|select|do)\b", re.IGNORECASE)


def given(context: CheckContext) -> Routine | None:
    """Return what the user calls the backfill, run once where there is nothing to fill."""
    given = context.subject.upkeep.backfill
    if not given:
        return None
    project = context.subject.project
    routine = Routine(given, given, statements=(given,))
    if given.lower().endswith(".sql"):
        path = Path(given)
        text = path.read_text(encoding="utf-8")
        texts = tuple(one.text for one in runnable(path.name, cut(text)))
        shown = project.show_path(path)
        routine = Routine(";\n".join(texts), shown, Location(shown, 1), statements=texts)
    done = _tried(reused_context(context), routine)
    # Not from within a function: then a name or the syntax of the option itself is wrong.
    if isinstance(done, Failure) and done.sqlstate[:2] in ("3F", "42") and not done.context:
        raise NotJudged(
            f"usersync_backfill: {routine.origin} fails: {done.sqlstate} {done.message}"
        )
    return done if isinstance(done, Routine) else replace(routine, commits=False)


def first(context: CheckContext) -> Routine | None:
    """Return the first that gives a ghost a profile when it is run.

    If none does, one that fails and whose name says that it should is the project's backfill.
    """
    fresh_context = reused_context(context)
    lost: UUID | None = None
    failed: Routine | None = None
    for routine in _candidates(fresh_context):
        if lost is None:
            lost = ghosts.ghost(fresh_context)
        done = _tried(fresh_context, routine)
        if fresh_context.profiles(fresh_context.sync.profile, lost):
            if isinstance(done, Routine):
                return done
            fresh_context, lost = reused_context(context), None
        elif isinstance(done, Failure) and routine.meant:
            failed = failed or routine
    return failed


def _tried(context: CheckContext, routine: Routine) -> Routine | Failure:
    """Run a routine, in a transaction if it can, and return it with what was learnt of it."""
    try:
        with at_work(context) as connection:
            try:
                with connection.transaction():
                    routine.run(connection)
            except InvalidTransactionTermination:
                routine = replace(routine, commits=True)
        if routine.commits:
            with at_work(context) as connection:
                routine.run(connection)
    except Error as error:
        return context.failure(error)
    return routine


def _candidates(context: CheckContext) -> Iterator[Routine]:
    # Read before anything is tried, which may make more.
    every = maintenance.callables(context.query, plain=False)
    names = {one.name for one in every}
    found = [one for one in every if not one.required]
    profile = context.sync.profile.table.name
    named_so = [one for one in found if "backfill" in one.name]
    likely = named_so + [one for one in found if one not in named_so and _speaks(one, profile)]
    for one in likely[:_TRIED]:
        name = f"{one.called}()"
        call = f"call {name}" if one.procedure else f"select * from {name}"
        place = locate_function(context.subject.project, one.schema, one.name, one.source)
        meant = one in named_so and _speaks(one, profile)
        yield Routine(call, name, place, statements=(call,), meant=meant)
    for migration in reversed(context.subject.project.files):
        if migration.role != "seed":
            yield from _statements(context.subject, migration, names)


def _speaks(one: Function, profile: str) -> bool:
    return profile in one.source and bool(_USERS.search(one.source))


def _statements(subject: Subject, migration: Migration, names: set[str]) -> Iterator[Routine]:
    """Yield the statements of a migration that may fill ghosts, as they stand there."""
    for one in reversed(migration.statements):
        code = blank_comments(one.text)
        if isinstance(one, Copy | Command) or not _may_fill(code.lstrip(), names):
            continue
        place = subject.project.location(migration, *one.place())
        text = next(cut(one.text)).text
        yield Routine(text, f"the backfill in {place}", place, statements=(text,), once=True)


def _may_fill(code: str, names: set[str]) -> bool:
    if _DOES.match(code) and _USERS.search(code) and _FILLS.search(code):
        return not _INTO_USERS.search(code)
    return bool(_CALLS.match(code)) and any(mentions(code, one) for one in names)
