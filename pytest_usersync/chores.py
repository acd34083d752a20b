"""What a project has beside its trigger: the backfill, the monitoring, the two scripts.

Each is found once in a process, when it is first asked for: as the user names it, or by looking and
trying. What a project has none of is ``NotApplicable``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import Error
from psycopg.errors import InvalidTransactionTermination

from . import ghosts, platform, upkeep
from .check import Subject
from .database import Connection
from .finding import Failure, Location, NotApplicable, NotJudged
from .monitored import NAMES, Monitoring
from .project import PLATFORM_SCHEMAS, Migration, Statement, blank_comments, locate_function
from .project.script import Command, Copy, cut
from .quoting import named
from .sync import Table
from .trial import Refused, Trial

if TYPE_CHECKING:
    from psycopg.rows import DictRow

# A backfill of a few ghosts that takes longer does not come to an end.
PATIENCE = "20s"
# More functions than this are not tried: a project of hundreds has other business.
_TRIED = 12

_FILLS = re.compile(r"\binsert\s+into\b|\bmerge\s+into\b", re.IGNORECASE)
_USERS = re.compile(r'"?\bauth"?\s*\.\s*"?users\b', re.IGNORECASE)
_INTO_USERS = re.compile(r'\binto\s+"?auth"?\s*\.\s*"?users\b', re.IGNORECASE)
_DOES = re.compile(r"(?:insert|with|do|merge)\b", re.IGNORECASE)
_CALLS = re.compile(r"(?:call|select|do)\b", re.IGNORECASE)
# What psql does for the one who reads along.
_HARMLESS = re.compile(
    r"\\(?:echo|qecho|warn|set|unset|pset|timing|x|t|a|encoding|q|quit|conninfo|restrict"
    r"|unrestrict)\b"
)
_USUAL = """
    select n.nspname as schema, p.proname as name,
        quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '()' as source
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where p.proname = any (%(names)s) and p.pronargs = p.pronargdefaults and p.prokind = 'f'
        and n.nspname <> all (%(platform)s)
    union all
    select n.nspname, c.relname, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relname = any (%(names)s) and c.relkind in ('r', 'p', 'v')
        and n.nspname <> all (%(platform)s)
    order by schema, name
"""


@dataclass(frozen=True, slots=True)
class Routine:
    """How the project fills ghosts.

    Args:
        sql: what is run.
        origin: what it is, for people: ``"public.backfill()"``, ``"the backfill in a.sql:3"``.
        location: where it stands in the project, when known.
        commits: whether it commits by itself, and so runs in no transaction of its caller.
        statements: the same as single statements.
        meant: whether its name and what it is about say that it fills ghosts.
        once: whether it is written to run once, and nobody would call it a second time.
    """

    sql: str
    origin: str
    location: Location | None = None
    commits: bool = False
    statements: tuple[str, ...] = ()
    meant: bool = False
    once: bool = False

    def run(self, connection: Connection) -> None:
        """Run it in an idle session that commits by itself: as one transaction, if it may be."""
        several = self.statements if self.commits else ()
        for text in several or (self.sql,):
            connection.execute(text.encode())


@dataclass(frozen=True, slots=True)
class Script:
    """A file that people run with psql."""

    path: Path
    shown: str
    statements: tuple[Statement, ...]

    def run(self, connection: Connection) -> None:
        """Run it as ``psql -v ON_ERROR_STOP=1`` does, one statement after the other.

        Raises:
            psycopg.Error: a statement is refused; what stands behind it is not done.
        """
        for one in self.statements:
            if isinstance(one, Copy):
                with connection.cursor() as cursor, cursor.copy(one.text.encode()) as copy:
                    copy.write(one.data.encode())
            else:
                connection.execute(one.text.encode())


def backfill(trial: Trial) -> Routine:
    """Return the project's backfill, which was seen to fill a ghost.

    Raises:
        NotApplicable: it has none.
        NotJudged: the one that the user names cannot be run.
    """
    known = trial.common(_Known)
    if known.backfill is None:
        try:
            known.backfill = (
                _named(trial) or _first(trial) or "no migration or function fills ghosts"
            )
        except Refused as refusal:
            raise NotJudged(
                f"{ghosts.ORDINARY.title} fails without any trigger (US102)"
            ) from refusal
    if isinstance(known.backfill, str):
        raise NotApplicable(known.backfill)
    return known.backfill


def monitoring(trial: Trial) -> Monitoring:
    """Return what the project monitors its sync with; raise ``NotApplicable`` if with nothing."""
    known = trial.common(_Known)
    if known.monitoring is None:
        known.monitoring = _monitoring(trial)
    if not known.monitoring:
        raise NotApplicable("no function monitors the sync")
    return known.monitoring


def verification(trial: Trial) -> Script:
    """Return the script that verifies a deployed sync; raise ``NotApplicable`` without one."""
    return _script(trial, trial.subject.upkeep.verify, "verify-trigger.sql", "verification script")


def rollback(trial: Trial) -> Script:
    """Return the script that takes the sync out again; raise ``NotApplicable`` without one."""
    return _script(trial, trial.subject.upkeep.rollback, "rollback.sql", "rollback script")


def migrator(trial: Trial) -> Connection:
    """Return a new session of the role that runs migrations and chores; closed with the trial."""
    connection = trial.connect(platform.migration_role(trial.subject.server))
    connection.execute(f"set statement_timeout = '{PATIENCE}'")
    return connection


@dataclass
class _Known:
    """What this process has found out so far; a text says why there is nothing."""

    subject: Subject
    backfill: Routine | str | None = field(default=None)
    monitoring: Monitoring | None = field(default=None)

    def close(self) -> None:
        """Nothing is open."""


def _named(trial: Trial) -> Routine | None:
    """Return what the user calls the backfill, run once where there is nothing to fill."""
    given = trial.subject.upkeep.backfill
    if not given:
        return None
    project = trial.subject.project
    routine = Routine(given, given, statements=(given,))
    if given.lower().endswith(".sql"):
        path = Path(given)
        text = path.read_text(encoding="utf-8")
        texts = tuple(one.text for one in _runnable(path.name, cut(text)))
        routine = Routine(
            text, project.shown(path), Location(project.shown(path), 1), statements=texts
        )
    done = _tried(trial.aside(), routine)
    if isinstance(done, Failure) and done.sqlstate[:2] in ("3F", "42") and not done.context:
        raise NotJudged(
            f"usersync_backfill: {routine.origin} fails: {done.sqlstate} {done.message}"
        )
    return done if isinstance(done, Routine) else replace(routine, commits=False)


def _first(trial: Trial) -> Routine | None:
    """Return the first that gives a ghost a profile when it is run.

    If none does, one that fails and whose name says that it should is the project's backfill.
    """
    aside: Trial | None = None
    lost = None
    failed: Routine | None = None
    for routine in _candidates(trial):
        if aside is None or lost is None:
            aside = trial.aside()
            lost = ghosts.ghost(aside)
        done = _tried(aside, routine)
        if aside.profiles(aside.sync.profile, lost):
            if isinstance(done, Routine):
                return done
            aside = None
        elif isinstance(done, Failure) and routine.meant:
            failed = failed or routine
    return failed


def _tried(trial: Trial, routine: Routine) -> Routine | Failure:
    """Run a routine, in a transaction if it can, and return it with what was learnt of it."""
    try:
        with migrator(trial) as connection:
            try:
                with connection.transaction():
                    routine.run(connection)
            except InvalidTransactionTermination:
                routine = replace(routine, commits=True)
        if routine.commits:
            with migrator(trial) as connection:
                routine.run(connection)
    except Error as error:
        return trial.failure(error)
    return routine


def _candidates(trial: Trial) -> Iterator[Routine]:
    found = upkeep.callables(trial.session().cursor())
    profile = trial.sync.profile.table.name
    named_so = [one for one in found if "backfill" in one["name"]]
    likely = named_so + [one for one in found if one not in named_so and _speaks(one, profile)]
    for one in likely[:_TRIED]:
        name = f"{named(Table(one['schema'], one['name']))}()"
        call = f"call {name}" if one["procedure"] else f"select * from {name}"
        where = (one["schema"], one["name"], one["source"])
        place = locate_function(trial.subject.project, *where)
        meant = one in named_so and _speaks(one, profile)
        yield Routine(call, name, place, statements=(call,), meant=meant)
    names = {one["name"] for one in upkeep.callables(trial.session().cursor(), plain=False)}
    for migration in reversed(trial.subject.project.files):
        if migration.role != "seed":
            yield from _statements(trial.subject, migration, names)


def _speaks(routine: DictRow, profile: str) -> bool:
    source = routine["source"]
    return profile in source and bool(_USERS.search(source))


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
    return bool(_CALLS.match(code)) and any(re.search(rf"\b{re.escape(n)}\b", code) for n in names)


def _monitoring(trial: Trial) -> Monitoring:
    written = trial.subject.upkeep.monitoring
    told = Monitoring.written(written) if written else Monitoring()
    if written and not told.schema:
        return told
    values = {"names": list(NAMES.values()), "platform": list(PLATFORM_SCHEMAS)}
    found = trial.session().execute(_USUAL, values).fetchall()
    rows = [(one["schema"], one["name"], one["source"]) for one in found]
    seen = Monitoring.found(row for row in rows if told.schema in ("", row[0]))
    if told.schema and not seen:
        raise NotJudged(f"usersync_monitoring: the schema {told.schema} has no monitoring function")
    return seen


def _script(trial: Trial, given: str, name: str, title: str) -> Script:
    project = trial.subject.project
    path = Path(given) if given else next(_beside(trial.subject, name), None)
    if path is None:
        raise NotApplicable(f"the project has no {title}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotJudged(f"{project.shown(path)} cannot be read: {error}") from error
    shown = project.shown(path)
    return Script(path, shown, tuple(_runnable(shown, cut(text))))


def _beside(subject: Subject, name: str) -> Iterator[Path]:
    folders = dict.fromkeys(one.path.parent for one in subject.project.migrations)
    for folder in folders:
        near = (folder, folder.parent, folder.parent / "scripts")
        yield from (at / name for at in near if (at / name).is_file())
    supabase = subject.project.root / "supabase"
    near = (supabase, supabase / "scripts", subject.project.root / "scripts")
    yield from (at / name for at in near if (at / name).is_file())


def _runnable(shown: str, statements: Iterator[Statement]) -> Iterator[Statement]:
    """Yield what PostgreSQL understands; raise ``NotJudged`` at what only psql can do."""
    for one in statements:
        if not isinstance(one, Command):
            yield one
        elif not _HARMLESS.match(one.text):
            command = one.text.split()[0]
            raise NotJudged(f"{shown}:{one.line} uses {command}, which only psql can do")
