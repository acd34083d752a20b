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
    "42501": "Migrations run as postgres, which is not a superuser and owns nothing in auth. Keep"
    " your columns, indexes and functions in your own schema; on auth.users create triggers only.",
    "42P07": "Write `create table if not exists`, or drop the migration that creates it again.",
    "42710": "Write `drop … if exists` before it, or `create or replace`.",
    "42723": "Write `create or replace function`.",
    "42P06": "Write `create schema if not exists`.",
    "42P13": "Drop the function before you change its parameters or its result.",
    "42703": "Add the column in this migration or an earlier one, or correct its name.",
    "42883": "Correct the name, or write its schema: extensions live in `extensions`.",
    "42704": "Create it in this migration or an earlier one, or write its schema.",
    "3F000": "Create the schema first.",
    "55P04": "A value that `alter type … add value` adds can be used from the next migration on:"
    " move what uses it into a file of its own.",
    "25001": "What cannot run inside a transaction needs a migration of its own, with that one"
    " statement and nothing else.",
    "0A000": "The Supabase platform does not offer this; choose what it offers.",
    "58P01": "This server lacks the extension; install it, or name another server"
    " (--usersync-pg-bin, --usersync-dsn).",
    "08P01": "`copy … from stdin` cannot carry its data in a migration. Write an insert.",
    "2BP01": "Drop what depends on it first, or write `cascade` if all of it may go.",
    "22021": "Save the file as UTF-8.",
    "57014": "Take out what does not come to an end, or what takes that long.",
    "58030": "Allow this user to read the file, or remove it.",
    "23505": "The migration inserts a row that is already there: end it with `on conflict do"
    " nothing`.",
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
    "Correct the statement. The Supabase CLI cuts a file into statements itself: it knows no psql"
    " commands (\\set, \\i) and no backslash before a quote (E'it\\'s')."
)


@check("US701", level=Level.ERROR, needs=Needs.PROJECT)
def migration_fails(context: CheckContext) -> Iterable[Finding]:
    """Every migration applies, as the Supabase CLI would apply it; the finding has file, line,
    statement.

    The CLI applies the files in the byte order of their names (`10_a.sql` before `9_a.sql`), each
    in one transaction, as `postgres`: a role that is not a superuser and does not own `auth.users`.
    What works as a superuser or file by file in psql may fail there, and a migration that fails
    takes with it all those after it, the sync's own among them.

    Here the run goes on: the file is taken again statement by statement, each for itself, the later
    files follow, and what can be judged is judged. `--usersync-stop` stops where the CLI does.
    Tables and rows that were made by hand, in the dashboard or from a dump, are no migrations:
    name them as SQL files in `usersync_before` or `usersync_setup`.
    """
    failures = context.subject.load_failures
    twins = bool(context.subject.project.duplicates())
    for place, broken in enumerate(failures):
        if not (twins and broken.unrecorded):
            yield _finding(context, broken, failures[:place])
    if twins and failures:
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
    told = f"{len(others)} more statement{many} of the file could not be applied"
    return f"; {told} (line{many} {shown})"


def _remedy(context: CheckContext, broken: LoadFailure, earlier: Sequence[LoadFailure]) -> str:
    state, message = broken.failure.sqlstate, broken.failure.message
    if cause := next((one for one in earlier if one.concerns(broken.failure)), None):
        where = cause.failure.location or cause.file
        return f"Mend {where} first: what is missed here belongs to statements that failed there."
    if state in ("42P01", "42883", "42704") and (late := _created_later(context, broken)):
        return f"{late} creates it, but is applied later: give one of the two another version."
    if state == "42P01":
        return (
            "Create the table in this migration or an earlier one, or correct its name. If it was"
            " made by hand, name an SQL file that makes it in usersync_before."
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
