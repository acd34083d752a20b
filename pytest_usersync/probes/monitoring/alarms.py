"""Alarms about a sync that is not healthy: listeners, and tables other than the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import Notify, sql

from ...migrations import PLATFORM_SCHEMAS
from ...model.finding import NotJudged
from ...postgres.catalog import functions
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context
from ..maintenance import capabilities
from ..maintenance.ghosts import restoring_triggers
from .call import ask, call_name, rows_of
from .faults import Fault
from .populated import PopulatedDatabase
from .survey import survey

# Where a row may tell somebody: the project's own tables but for the log, and the queue in which
# requests to other servers wait.
_TABLES = """
    select n.nspname as schema, c.relname as name, c.oid::regclass::text as shown
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_'
        and (n.nspname <> all (%s) or (n.nspname = 'net' and c.relname = 'http_request_queue'))
        and c.oid is distinct from to_regclass(%s)
    order by n.nspname = 'net' and c.relname = 'http_request_queue', n.nspname, c.relname
"""
_SENDS = re.compile(r"notify|net\.http|http_post", re.IGNORECASE)
_CHANNEL = re.compile(r"""'([^'\n]{1,63})'|\bnotify\s+"?([\w$]+)""", re.IGNORECASE)
_MADE = re.compile(r"""pg_notify\s*\(\s*[^\s']|['"]\s*notify\s+%""", re.IGNORECASE)
# The states that are recorded; the one that lasts comes at the end.
STATES = ("healthy", "one-more", "ghost", "orphan", "parity", "trigger-disabled")


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was heard when one state was recorded.

    Args:
        heard: how often, by what: ``"notifications on sync_alerts"``, ``"rows of app.alerts"``.
        claimed: what ``alert_sent`` says in the record; None where there is no such column.
        healthy: whether the record says so; what is true, where it says nothing.
    """

    fault: Fault
    heard: Mapping[str, int]
    claimed: bool | None
    healthy: bool


def alarms(context: CheckContext) -> Iterator[Alarm]:
    """Yield what is heard in each state, one after the other in one database."""
    known = {seen.fault.name: seen.fault for seen in reversed(survey(context))}
    populated, heard = PopulatedDatabase(reused_context(context)), list[str]()
    session = populated.context.session()

    def hear(notice: Notify) -> None:
        heard.append(f"notifications on {notice.channel}")

    session.add_notify_handler(hear)
    try:
        listen = sql.SQL("; ").join(
            sql.SQL("listen {}").format(sql.Identifier(one)) for one in sorted(_channels(context))
        )
        session.execute(listen)
        with restoring_triggers(populated.context):
            for fault in (known[name] for name in STATES if name in known):
                populated.clear()
                session.execute(fault.sql.encode())
                yield _alarm(populated.context, fault, heard)
    finally:
        session.remove_notify_handler(hear)


def may_send_unheard(context: CheckContext) -> bool:
    """Tell whether functions of the project may send something that is not heard here."""
    return bool(_sources(context))


def computes_channel(context: CheckContext) -> bool:
    """Tell whether a function notifies a channel whose name it makes."""
    return any(_MADE.search(source) for source in _sources(context))


def _alarm(context: CheckContext, fault: Fault, heard: list[str]) -> Alarm:
    """Record what the database is in; return what is heard of it."""
    monitoring, session = capabilities.monitoring(context), context.session()
    before, rows = rows_of(context, monitoring.log), _counts(context, monitoring.log)
    heard.clear()
    with session.transaction():
        answer = ask(context, monitoring.record, keep=True)
    if answer.failure:
        raise NotJudged(f"{call_name(monitoring.record)} fails with {fault.title} (US501)")
    # A notification comes with the next answer of the server.
    session.execute("select 1")
    media = {name: heard.count(name) for name in sorted(set(heard))}
    for table, count in _counts(context, monitoring.log).items():
        if count > rows.get(table, 0):
            media[f"rows of {table}"] = count - rows.get(table, 0)
    added = [row for at, row in rows_of(context, monitoring.log).items() if at not in before]
    row = added[0] if added else {}
    said, status = row.get("alert_sent"), str(row.get("sync_status", fault.facts.status))
    return Alarm(fault, media, said if isinstance(said, bool) else None, status == "healthy")


def _sources(context: CheckContext) -> list[str]:
    found = (one.source for one in functions.of_project(context.query))
    return [one for one in found if _SENDS.search(one)]


def _channels(context: CheckContext) -> set[str]:
    return {
        found[1] or found[2] for source in _sources(context) for found in _CHANNEL.finditer(source)
    }


def _counts(context: CheckContext, log: str) -> dict[str, int]:
    found = context.query(_TABLES, [list(PLATFORM_SCHEMAS), log or None])
    counting = sql.SQL(" union all ").join(
        sql.SQL("select {} as name, count(*) as rows from {}").format(
            sql.Literal(row["shown"]), sql.Identifier(row["schema"], row["name"])
        )
        for row in found
    )
    rows = context.query(counting.as_string(None)) if found else []
    return {row["name"]: row["rows"] for row in rows}
