"""The failures of a file, each with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..model.finding import Failure, Location
from .locate import block_offset
from .model import Migration, MigrationFailure, Project, hook_migration, replace_stray_bytes
from .pipeline import Refusal
from .privileges import without_platform
from .split import Statement, blank_comments

_STRAY = re.compile("[\udc80-\udcff]")
_BEGIN = re.compile(r"\s*(?:begin|start\s+transaction)\b", re.IGNORECASE)


def statement_failure(
    project: Project, migration: Migration, statement: Statement, refusal: Refusal
) -> MigrationFailure:
    """Return the failure of a file at one of its statements."""
    location = project.location(migration, *statement.place(_offset(statement, refusal)))
    message, detail = refusal.message, refusal.detail
    sqlstate = refusal.sqlstate
    # Our watch ended the statement: PostgreSQL says only that it was canceled, or the session lost.
    if refusal.overrun:
        sqlstate, message, detail = "57014", refusal.overrun, message
    context = without_platform(refusal.context)
    failure = Failure(sqlstate, message, detail, refusal.hint, context, location)
    return MigrationFailure(migration, statement, failure)


def history_failure(
    project: Project, migration: Migration, refusal: Refusal, applied: Sequence[Migration]
) -> MigrationFailure:
    """Return why the history row was refused, though every statement was done."""
    hint = refusal.hint
    if twin := next((one for one in applied if one.version == migration.version), None):
        hint = f"{project.show_path(twin.path)} has the same version: give one of them another."
    elif refusal.sqlstate == "42501":
        hint = 'The file ends under a role that may not write the history: end with "reset role".'
    failure = Failure(
        refusal.sqlstate,
        refusal.message,
        refusal.detail,
        hint,
        refusal.context,
        project.location(migration, 1),
    )
    return MigrationFailure(migration, None, failure)


def open_transaction_failure(project: Project, migration: Migration) -> MigrationFailure:
    """Return the failure of a file whose work is lost at the end, which the CLI does not tell."""
    begins = [one for one in migration.statements if _BEGIN.match(blank_comments(one.text))]
    statement = begins[-1] if begins else None
    failure = Failure(
        "25001",
        "the file ends inside a transaction, which is lost when the session ends",
        hint='Remove the "begin" (every file is a transaction), or add "commit".',
        location=project.location(migration, *statement.place()) if statement else None,
    )
    return MigrationFailure(migration, statement, failure)


def lost_sessions_failure(place: Location, hook: str, message: str) -> MigrationFailure:
    """Return that what a function of the project did in a transaction is lost."""
    failure = Failure("", message, hint="Commit and close each connection.", location=place)
    return MigrationFailure(hook_migration(Path(place.file), hook), None, failure)


def unreadable_failure(
    project: Project, migration: Migration, failure: Failure
) -> MigrationFailure:
    """Return that there is no text to apply."""
    place = failure.location or Location(project.show_path(migration.path), 1)
    return MigrationFailure(migration, None, replace(failure, location=place))


def _offset(statement: Statement, refusal: Refusal) -> int | None:
    """Return the offset in the statement that PostgreSQL points at, if it points at one."""
    # For bytes that are no text PostgreSQL names no position.
    if refusal.sqlstate == "22021" and (stray := _STRAY.search(statement.text)):
        return stray.start()
    # `usersync.as_platform` executes the statement as a query of its own: its position is ours.
    if refusal.position and refusal.internal in {"", replace_stray_bytes(statement.text)}:
        return refusal.position - 1
    return block_offset(statement.text, refusal.context)
