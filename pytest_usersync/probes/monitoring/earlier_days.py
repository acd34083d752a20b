"""The log of a monitoring, with rows of other days in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...model.finding import Finding, NotJudged
from ...model.quoting import quoted
from ...postgres.catalog import columns
from ...runner.context import CheckContext
from ..maintenance import capabilities
from .call import ask, call_name, rows_of, take
from .faults import ZONES

_JOBS = "select command, username from cron.job where active order by jobid"


_MOMENTS = frozenset({"timestamp with time zone", "timestamp without time zone", "date"})
_MIDNIGHT = "date_trunc('day', now(), 'UTC') - interval '1 day'"
_AGES = (
    "now() - interval '29 days 23 hours'",
    f"{_MIDNIGHT} - interval '1 minute'",
    f"{_MIDNIGHT} + interval '1 minute'",
)


@dataclass(frozen=True, slots=True)
class AgedRow:
    """What became of a row of some age.

    Args:
        there: whether it is still there after recording, and after what is scheduled.
        undone: what is scheduled and could not be run, if anything.
    """

    there: bool
    undone: str
    sql: str


def earlier(context: CheckContext, moments: Sequence[str]) -> str:
    """Return the SQL that copies a record to these moments, which are SQL themselves."""
    log = capabilities.monitoring(context).log
    found = columns.of(context.query, log).values()
    if not any(one.type in _MOMENTS for one in found):
        raise NotJudged(f"{log} has no time column")
    own = [one for one in found if one.read_only or one.identity or (one.primary and one.filled)]
    taken = {quoted(one.name): one.type for one in found if one not in own}
    return "".join(
        f"insert into {log} ({', '.join(taken)})\n"
        f"select {', '.join(at if kind in _MOMENTS else name for name, kind in taken.items())}\n"
        f"from {log} limit 1;\n"
        for at in moments
    )


def history(context: CheckContext) -> Iterator[Finding]:
    """Yield what the history leaves out, of records around the midnight of UTC and of old ones."""
    monitoring = capabilities.monitoring(context)
    if not (monitoring.history and monitoring.record and monitoring.log):
        return
    setup = f"delete from {monitoring.log};\nselect from {monitoring.record};\n"
    setup += earlier(context, _AGES)
    for zone in ("UTC", *ZONES):
        text = f"{setup}set timezone = '{zone}';\n"
        with context.session().transaction(force_rollback=True):
            if refused := context.attempt(lambda text=text: context.execute(text)):  # type: ignore[misc]
                raise NotJudged(f"{monitoring.log} refuses a row: {refused.message}")
            wanted = len(rows_of(context, monitoring.log))
            answer = ask(context, monitoring.history)
        if answer.failure:
            raise NotJudged(f"{call_name(monitoring.history)} fails (US501)")
        if len(answer.rows) < wanted:
            yield Finding(
                summary=f"{call_name(monitoring.history)} in the time zone {zone} shows only"
                f" {len(answer.rows)} of the {wanted} records of the last 30 days",
                sql=f"{text}select * from {monitoring.history};\n",
                remedy="-- calculate days in UTC, and compare timestamps:\n"
                "--     where checked_at >= now() - days * interval '1 day'",
                location=context.places.routine(monitoring.history),
            )
            return


def kept(context: CheckContext, age: str) -> AgedRow:
    """Record, let a row grow old, record again, and run what is scheduled; see what is left."""
    monitoring = capabilities.monitoring(context)
    session = context.session()
    record = f"select * from {monitoring.record};\n"
    text = earlier(context, [f"now() - interval '{age}'"])
    with session.transaction(force_rollback=True):
        if failed := ask(context, monitoring.record, keep=True).failure:
            raise NotJudged(f"{call_name(monitoring.record)} fails: {failed.message} (US501)")
        before = rows_of(context, monitoring.log)
        if not before:
            raise NotJudged(f"{call_name(monitoring.record)} records nothing (US507)")
        if refused := context.attempt(lambda: context.execute(text)):
            raise NotJudged(f"{monitoring.log} refuses a row: {refused.message}")
        aged = set(rows_of(context, monitoring.log)) - set(before)
        if not aged:
            raise NotJudged(f"{monitoring.log} refuses a row that is {age} old")
        ask(context, monitoring.record, keep=True)
        there, undone = bool(aged & set(rows_of(context, monitoring.log))), ""
        # Some prune when they record, others by a scheduled job.
        if there:
            undone = next((job for job in _jobs(context) if not _done(context, *job)), ("",))[0]
            there = bool(aged & set(rows_of(context, monitoring.log)))
    shown = f"select * from {monitoring.log} order by 1;\n"
    return AgedRow(there, undone, f"{record}{text}{record}{shown}")


def _jobs(context: CheckContext) -> list[tuple[str, str]]:
    if not scheduler(context):
        return []
    return [(row["command"], row["username"]) for row in context.query(_JOBS)]


def scheduler(context: CheckContext) -> bool:
    """Tell whether the database has pg_cron."""
    return bool(context.query("select to_regclass('cron.job') is not null as so")[0]["so"])


def _done(context: CheckContext, command: str, username: str) -> bool:
    session = context.session()

    def act() -> None:
        with session.transaction():
            take(session, username)
            session.execute(command.encode())
            session.execute("reset role")

    return context.attempt(act) is None
