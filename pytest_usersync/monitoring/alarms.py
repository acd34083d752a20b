"""Who hears of a sync that is not healthy: listeners, and tables other than the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from ..chores import chores
from ..finding import NotJudged
from ..learning.watch import TABLES
from ..project import PLATFORM_SCHEMAS
from ..trials.trial import Trial
from .faults import Fault, faults
from .ground import Ground
from .survey import ask, bare, made, rows_of

_SOURCES = """
    select p.prosrc as source
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname <> all (%s) and n.nspname !~ '^pg_'
        and p.prosrc ~* '(notify|net\\.http|http_post)'
"""
# Where requests to other servers wait.
_QUEUE = "select to_regclass('net.http_request_queue') is not null as so"
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


def alarms(trial: Trial) -> Iterator[Alarm]:
    """Yield what is heard in each state, one after the other in one database."""
    possible, ground = made(trial), Ground(trial.aside())
    session, heard = ground.trial.session(), list[str]()
    session.add_notify_handler(lambda notice: heard.append(f"notifications on {notice.channel}"))
    for channel in sorted(_channels(trial)):
        session.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
    for fault in faults(ground):
        if fault.name in STATES and fault.name in possible:
            ground.clear()
            session.execute(fault.sql.encode())
            yield _alarm(ground.trial, fault, heard)
        if fault.name == STATES[-1]:
            return


def deaf(trial: Trial) -> bool:
    """Tell whether functions of the project may send something that is not heard here."""
    return bool(_sources(trial))


def nameless(trial: Trial) -> bool:
    """Tell whether a function notifies a channel whose name it makes."""
    return any(_MADE.search(source) for source in _sources(trial))


def _alarm(trial: Trial, fault: Fault, heard: list[str]) -> Alarm:
    """Record what the database is in; return what is heard of it."""
    monitoring, session = chores.monitoring(trial), trial.session()
    before, rows = rows_of(trial, monitoring.log), _counts(trial, monitoring.log)
    heard.clear()
    with session.transaction():
        answer = ask(trial, monitoring.record, keep=True)
    if answer.failure:
        raise NotJudged(f"{bare(monitoring.record)} fails with {fault.title} (US501)")
    session.execute("select 1")
    media = {name: heard.count(name) for name in sorted(set(heard))}
    for table, count in _counts(trial, monitoring.log).items():
        if count > rows.get(table, 0):
            media[f"rows of {table}"] = count - rows.get(table, 0)
    added = [row for at, row in rows_of(trial, monitoring.log).items() if at not in before]
    row = added[0] if added else {}
    said, status = row.get("alert_sent"), str(row.get("sync_status", fault.facts.status))
    return Alarm(fault, media, said if isinstance(said, bool) else None, status == "healthy")


def _sources(trial: Trial) -> list[str]:
    return [row["source"] for row in trial.query(_SOURCES, [list(PLATFORM_SCHEMAS)])]


def _channels(trial: Trial) -> set[str]:
    return {
        found[1] or found[2] for source in _sources(trial) for found in _CHANNEL.finditer(source)
    }


def _counts(trial: Trial, log: str) -> dict[str, int]:
    found = [
        sql.Identifier(row["schema"], row["name"])
        for row in trial.query(TABLES, [list(PLATFORM_SCHEMAS)])
    ]
    if trial.query(_QUEUE)[0]["so"]:
        found.append(sql.Identifier("net", "http_request_queue"))
    counting = sql.SQL(" union all ").join(
        sql.SQL("select {0}::regclass::text as name, count(*) as rows from {1}").format(
            sql.Literal(table.as_string(None)), table
        )
        for table in found
    )
    rows = trial.query(counting.as_string(None)) if found else []
    (own,) = trial.query("select to_regclass(%s)::text as name", [log or None])
    return {row["name"]: row["rows"] for row in rows if row["name"] != own["name"]}
