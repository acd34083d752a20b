"""Jobs of pg_cron, and how often they run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...platform import platform
from ...runner.context import CheckContext
from ..maintenance import capabilities
from ..maintenance.monitoring import NAMES
from .call import rows_of, take
from .earlier_days import scheduler

_CREATE = "create extension if not exists pg_cron"
_JOBS = "select jobid, schedule, command, username from cron.job where active order by jobid"
_CALLED = """
    select quote_ident(schemaname) || '.' || quote_ident(funcname) as name
    from pg_catalog.pg_stat_xact_user_functions
"""
_MISSING = ("42883", "3F000")
_EVERY_DAY = re.compile(r"\*(/1)?|0-[67]|1-7|1-31|sun-sat|mon-sun", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Job:
    """A job of pg_cron."""

    schedule: str
    command: str
    username: str


def none_possible(context: CheckContext) -> bool:
    """Tell whether the server has no pg_cron to offer."""
    session = context.session()

    def act() -> None:
        with session.transaction(force_rollback=True):
            take(session, platform.migration_role(context.subject.server))
            session.execute(_CREATE)

    return not scheduler(context) and context.attempt(act) is not None


def daily(schedule: str) -> bool:
    """Tell whether a schedule comes round at least once every day.

    Five fields, a number of seconds, or a word such as ``@daily``.
    """
    text = schedule.strip().lower()
    fields = text.split()
    if len(fields) == 5:
        return all(_EVERY_DAY.fullmatch(field) for field in fields[2:])
    return text in ("@daily", "@midnight", "@hourly") or "second" in text


def runs(context: CheckContext) -> list[Job]:
    """Return the active jobs that call a function of the monitoring when they are run."""
    if not scheduler(context):
        return []
    jobs = [Job(row["schedule"], row["command"], row["username"]) for row in context.query(_JOBS)]
    return [job for job in jobs if _monitors(context, job)]


def _monitors(context: CheckContext, job: Job) -> bool:
    """Run a job, and tell whether it called the monitoring or wrote into the log; take it back."""
    monitoring, session = capabilities.monitoring(context), context.session()
    functions = {getattr(monitoring, word).partition("(")[0] for word in NAMES if word != "log"}
    called: set[str] = set()

    def act() -> None:
        with session.transaction(force_rollback=True):
            session.execute("set local track_functions = 'all'")
            before = rows_of(context, monitoring.log)
            take(session, job.username)
            session.execute(job.command.encode())
            session.execute("reset role")
            if set(rows_of(context, monitoring.log)) - set(before):
                called.update(functions)
            called.update(row["name"] for row in context.query(_CALLED))

    # A function that fails is called all the same: US501 tells. One that is not there is not.
    failed = context.attempt(act)
    if failed and failed.sqlstate not in _MISSING:
        called.update(name for name in functions if name.rpartition(".")[2] in job.command)
    return bool(called & functions - {""})
