"""Turn what PostgreSQL refused while a file was applied into words with a place in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..model.finding import Failure, Location
from .locate import block_offset
from .model import Manner, Migration, Project, legible
from .pipeline import Refusal
from .privileges import outside
from .split import Statement, blank_comments

_STRAY = re.compile("[\udc80-\udcff]")
_BEGIN = re.compile(r"\s*(?:begin|start\s+transaction)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MigrationFailure:
    """A file that does not apply as a whole.

    Args:
        statement: the first one that failed; without one it failed at the CLI's history row.
        missed: every statement that was not done in the end, when the file was taken again
            statement by statement.
    """

    migration: Migration
    statement: Statement | None
    failure: Failure
    missed: tuple[Statement, ...] = ()

    def __str__(self) -> str:
        return f"{self.failure.location}: {self.failure.message}"


def refused(
    project: Project, migration: Migration, statement: Statement, refusal: Refusal
) -> MigrationFailure:
    """Return the failure of a file at one of its statements."""
    location = project.location(migration, *statement.place(_offset(statement, refusal)))
    message, detail = refusal.message, refusal.detail
    sqlstate = refusal.sqlstate
    if refusal.overrun:
        sqlstate, message, detail = "57014", refusal.overrun, message
    context = outside(refusal.context)
    failure = Failure(sqlstate, message, detail, refusal.hint, context, location)
    return MigrationFailure(migration, statement, failure)


def unrecorded(
    project: Project, migration: Migration, refusal: Refusal, applied: Sequence[Migration]
) -> MigrationFailure:
    """Tell why the history row was refused, though every statement was done."""
    hint = refusal.hint
    if twin := next((one for one in applied if one.version == migration.version), None):
        hint = f"{project.shown(twin.path)} has the same version: give one another."
    elif refusal.sqlstate == "42501":
        hint = 'The file ends under a role that may not write it: end with "reset role".'
    failure = Failure(
        refusal.sqlstate,
        refusal.message,
        refusal.detail,
        hint,
        refusal.context,
        project.location(migration, 1),
    )
    return MigrationFailure(migration, None, failure)


def left_open(project: Project, migration: Migration) -> MigrationFailure:
    """Tell what the CLI does not: its work is lost when it disconnects."""
    begins = [one for one in migration.statements if _BEGIN.match(blank_comments(one.text))]
    statement = begins[-1] if begins else None
    failure = Failure(
        "25001",
        "the file ends inside a transaction, which is lost when the session ends",
        hint='Remove the "begin", for every file is a transaction anyway, or add "commit".',
        location=project.location(migration, *statement.place()) if statement else None,
    )
    return MigrationFailure(migration, statement, failure)


def unfinished(place: Location, hook: str, told: str) -> MigrationFailure:
    """Tell that what a function of the project did in a transaction is lost."""
    failure = Failure("", told, hint="Commit and close each connection.", location=place)
    hooked = Migration(Path(place.file), hook, hook, "", Manner.HOOK, "hook")
    return MigrationFailure(hooked, None, failure)


def unreadable(project: Project, migration: Migration, failure: Failure) -> MigrationFailure:
    """Tell that there is no text to apply."""
    place = failure.location or Location(project.shown(migration.path), 1)
    return MigrationFailure(migration, None, replace(failure, location=place))


def _offset(statement: Statement, refusal: Refusal) -> int | None:
    """Return the offset in the statement that PostgreSQL points at, if it points at one."""
    if refusal.sqlstate == "22021" and (stray := _STRAY.search(statement.text)):
        return stray.start()
    if refusal.position and refusal.internal in {"", legible(statement.text)}:
        return refusal.position - 1
    return block_offset(statement, refusal.context)
