"""Capabilities of a project beside its trigger: backfill, monitoring, two scripts.

Each is found once in a process, when it is first asked for: as the user names it, or by looking and
trying. What a project has none of is ``NotApplicable``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...migrations import PLATFORM_SCHEMAS
from ...migrations.psql_script import cut
from ...model.finding import NotApplicable, NotJudged
from ...runner.check import Subject
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from . import backfills, ghosts
from .monitoring import NAMES, Monitoring
from .routines import Routine, Script, migrator, runnable

__all__ = ["Routine", "Script", "backfill", "migrator", "monitoring", "rollback", "verification"]

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


def backfill(context: CheckContext) -> Routine:
    """Return the project's backfill, which was seen to fill a ghost.

    Raises:
        NotApplicable: it has none.
        NotJudged: the one that the user names cannot be run.
    """
    known = context.shared(_Cache)
    if known.backfill is None:
        try:
            found = backfills.given(context) or backfills.first(context)
        except SignupRefused as refusal:
            told = f"{ghosts.ORDINARY.title} fails even without any trigger (US102)"
            raise NotJudged(told) from refusal
        known.backfill = found or "the project has no backfill"
    if isinstance(known.backfill, str):
        raise NotApplicable(known.backfill)
    return known.backfill


def monitoring(context: CheckContext) -> Monitoring:
    """Return what the project monitors its sync with; raise ``NotApplicable`` if with nothing."""
    known = context.shared(_Cache)
    if known.monitoring is None:
        known.monitoring = _monitoring(context)
    if not known.monitoring:
        raise NotApplicable("the project has no monitoring function")
    return known.monitoring


def verification(context: CheckContext) -> Script:
    """Return the script that verifies a deployed sync; raise ``NotApplicable`` without one."""
    return _script(
        context, context.subject.upkeep.verify, "verify-trigger.sql", "verification script"
    )


def rollback(context: CheckContext) -> Script:
    """Return the script that takes the sync out again; raise ``NotApplicable`` without one."""
    return _script(context, context.subject.upkeep.rollback, "rollback.sql", "rollback script")


@dataclass
class _Cache:
    """What this process has found out so far; a text says why there is nothing."""

    subject: Subject
    backfill: Routine | str | None = field(default=None)
    monitoring: Monitoring | None = field(default=None)

    def close(self) -> None:
        """Nothing is open."""


def _monitoring(context: CheckContext) -> Monitoring:
    written = context.subject.upkeep.monitoring
    told = Monitoring.written(written) if written else Monitoring()
    if written and not told.schema:
        return _there(context, told)
    values = {"names": list(NAMES.values()), "platform": list(PLATFORM_SCHEMAS)}
    found = context.session().execute(_USUAL, values).fetchall()
    rows = [(one["schema"], one["name"], one["source"]) for one in found]
    seen = Monitoring.found(row for row in rows if told.schema in ("", row[0]))
    if told.schema and not seen:
        raise NotJudged(f"usersync_monitoring: the schema {told.schema} has no monitoring function")
    return seen


def _there(context: CheckContext, told: Monitoring) -> Monitoring:
    """Return what the user named, once the log is known to be there; a function is called."""
    if told.log and not context.query("select to_regclass(%s) as log", [told.log])[0]["log"]:
        raise NotJudged(f"usersync_monitoring: there is no table {told.log}")
    return told


def _script(context: CheckContext, given: str, name: str, title: str) -> Script:
    project = context.subject.project
    path = Path(given) if given else next(_beside(context.subject, name), None)
    if path and not given and not project.whole:
        raise NotApplicable(
            f"{project.show_path(path)} is written for all migrations, but only a part of them is"
            " applied"
        )
    if path is None:
        raise NotApplicable(f"the project has no {title}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotJudged(f"{project.show_path(path)} cannot be read: {error}") from error
    shown = project.show_path(path)
    return Script(path, shown, tuple(runnable(shown, cut(text))))


def _beside(subject: Subject, name: str) -> Iterator[Path]:
    folders = dict.fromkeys(one.path.parent for one in subject.project.migrations)
    for folder in folders:
        near = (folder, folder.parent, folder.parent / "scripts")
        yield from (at / name for at in near if (at / name).is_file())
    supabase = subject.project.root / "supabase"
    near = (supabase, supabase / "scripts", subject.project.root / "scripts")
    yield from (at / name for at in near if (at / name).is_file())
