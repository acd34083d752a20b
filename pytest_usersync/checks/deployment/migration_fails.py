"""US701: a migration does not apply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...model.finding import Finding, Level, NotJudged
from ...model.names import PATH, SAID, last
from ...runner.check import LoadFailure, Needs, check, lacks_extension
from ...runner.context import CheckContext

# What mostly stands behind an error of a migration, and what to do.
REMEDIES = {
    "42501": "Migrations run as postgres, which is not a superuser and owns no object in auth."
    " Keep your columns, indexes and functions in your own schema; on auth.users create triggers"
    " only.",
    "42P07": "Write `create table if not exists`, or drop the migration that creates it again.",
    "42710": "Write `drop … if exists` before it, or `create or replace`.",
    "42723": "Write `create or replace function`.",
    "42P06": "Write `create schema if not exists`.",
    "42P13": "Drop the function before you change its parameters or its result.",
    "42703": "Add the column in this migration or an earlier one, or correct its name.",
    "42883": "Correct the name, or write its schema: extensions live in `extensions`.",
    "42704": "Create it in this migration or an earlier one, or write its schema.",
    "3F000": "Create the schema first.",
    "55P04": "A new enum value of `alter type … add value` can be used only in a later migration:"
    " move the statements that use it to a separate file.",
    "25001": "A statement that cannot run in a transaction needs a separate migration with only"
    " this statement.",
    "0A000": "Supabase does not offer this; use a feature that it offers.",
    "58P01": "This server lacks the extension; install it, or name another server"
    " (--usersync-pg-bin, --usersync-dsn).",
    "08P01": "`copy … from stdin` cannot carry its data in a migration. Write an insert.",
    "2BP01": "Drop the objects that depend on it first, or write `cascade` to drop all of them.",
    "22021": "Save the file as UTF-8.",
    "57014": "Remove the part that does not end, or that takes so long.",
    "58030": "Allow this user to read the file, or remove it.",
    "23505": "The migration inserts a row that already exists: end the insert with `on conflict"
    " do nothing`.",
}
# What a file is when it is no migration, and who applies it.
ROLES = {
    "roles": "roles.sql, applied before the migrations",
    "before": "named in usersync_before, applied before the migrations",
    "setup": "named in usersync_setup, applied after the migrations",
    "seed": "a seed, applied after the migrations",
    "hook": "called by usersync_load",
}
SYNTAX = (
    "Correct the statement. The Supabase CLI splits a file into statements itself: it knows no"
    " psql commands (\\set, \\i) and no backslash before a quote (E'it\\'s')."
)


@check(
    "US701",
    level=Level.ERROR,
    symptom="Deployment: a migration does not apply",
    needs=Needs.PROJECT,
)
def migration_fails(context: CheckContext) -> Iterable[Finding]:
    """Every migration applies in the way of the Supabase CLI; the finding has file, line and
    statement.

    The CLI applies the files in the byte order of their names (`10_a.sql` before `9_a.sql`), each
    in one transaction, as `postgres`: a role that is not a superuser and does not own `auth.users`.
    SQL that works as a superuser, or file by file in psql, may fail there. After a failure, no
    later migration is applied, so the sync may be missing.

    The run continues after a failure: it applies the file again statement by statement, then the
    later files, and judges what it can. `--usersync-stop` stops where the CLI stops. Tables and
    rows that were created by hand, in the dashboard or from a dump, are not migrations: name them
    as SQL files in `usersync_before` or `usersync_setup`.
    """
    failures = context.subject.load_failures
    duplicates = bool(context.subject.project.duplicates())
    for place, broken in enumerate(failures):
        if not (duplicates and broken.unrecorded):
            yield _finding(context, broken, failures[:place])
    if duplicates and failures:
        raise NotJudged("two migrations share a version (US702)")


def _finding(context: CheckContext, broken: LoadFailure, earlier: Sequence[LoadFailure]) -> Finding:
    said = f"{broken.failure.sqlstate} {broken.failure.message}".strip()
    role = f" ({ROLES[broken.role]})" if broken.role else ""
    summary = f"{broken.failure.location or broken.file}{role} does not apply: {said}"
    return Finding(
        summary=summary + _missed(broken),
        sql=f"{broken.statement.rstrip().rstrip(';')};\n" if broken.statement else "",
        remedy=_remedy(context, broken, earlier),
        failure=broken.failure,
        location=broken.failure.location,
    )


def _missed(broken: LoadFailure) -> str:
    """Say what else of the file was not done."""
    first = broken.failure.location.line if broken.failure.location else 0
    others = [str(line) for line in broken.lines if line != first]
    if not others or broken.role == "hook":
        return ""
    shown = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
    many = "s" if len(others) > 1 else ""
    told = f"{len(others)} more statement{many} of the file did not apply"
    return f"; {told} (line{many} {shown})"


def _remedy(context: CheckContext, broken: LoadFailure, earlier: Sequence[LoadFailure]) -> str:
    state, message = broken.failure.sqlstate, broken.failure.message
    if cause := next((one for one in earlier if one.concerns(broken.failure)), None):
        where = cause.failure.location or cause.file
        return f"Correct {where} first: this statement needs an object that failed there."
    if state in ("42P01", "42883", "42704") and (late := _created_later(context, broken)):
        return (
            f"{late} creates it, but is applied later. Give one of the two files another version."
        )
    if state == "42P01":
        return (
            "Create the table in this migration or an earlier one, or correct its name. If it was"
            " created by hand, name a SQL file that creates it in usersync_before."
        )
    if state == "42601":
        return SYNTAX
    if lacks_extension(broken.failure):
        return REMEDIES["58P01"]
    return REMEDIES.get(state) or broken.failure.hint or f"Correct the statement: {message}"


def _created_later(context: CheckContext, broken: LoadFailure) -> str:
    """Return the file, applied after the broken one, that creates what it misses."""
    missing = re.search(rf"{SAID}|function ({PATH})", broken.failure.message)
    name = last(missing[2]) if missing and missing[2] else missing[1] if missing else ""
    path = name.rpartition(".")[2] if re.fullmatch(r"[\w.]+", name) else name
    written = re.escape(path.replace('"', '""'))
    pattern = rf'(?i)create\s[^;(]*?(?<!\w)"?{written}"?'
    migrations = context.subject.project.migrations
    applied = [str(migration.path) for migration in migrations]
    later = migrations[applied.index(broken.file) + 1 :] if broken.file in applied else ()
    return next((one.path.name for one in later if name and re.search(pattern, one.text)), "")
