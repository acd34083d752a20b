"""US407: a backfill does not notice that the trigger is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...model.quoting import quoted
from ...model.sync import SyncTrigger
from ...postgres.catalog import triggers
from ...probes import cause_keys
from ...probes.backfill.audit_log import run_and_read
from ...probes.backfill.backfill_sql import preflight, writer
from ...probes.backfill.run_backfill import LEAVES, BackfillSandbox, backfill_sandbox
from ...runner.check import check
from ...runner.context import CheckContext

PLAIN = re.compile(r"(?:insert|merge|with)\b", re.IGNORECASE)
DECOY = "public.usersync_decoy"
FAULTS = ("disabled", "missing", "on another table")


@check(
    "US407",
    level=Level.WARNING,
    symptom="Backfill: it does not notice a missing trigger",
    cause=cause_keys.BACKFILL,
)
def no_preflight(context: CheckContext) -> Iterable[Finding]:
    """The backfill reports if the trigger is missing, disabled or on another table.

    A backfill repairs the past; only the trigger serves new users. If the trigger is missing, or
    was disabled during an incident, every user who signs up after the backfill is a ghost user
    again, although the run ended with "completed".

    The check runs the backfill with the trigger active, and then with the trigger disabled,
    dropped, and on another table under its own name. The backfill reports the problem if a message,
    an error or a log row differs from those of the good runs in more than numbers.
    """
    one = backfill_sandbox(context)
    if one.routine.once and PLAIN.match(one.routine.sql):
        raise NotApplicable("a backfill that is one SQL statement cannot report failures")
    trigger = writer(one.context.sync)
    usual: set[str] = set()
    for count in (1, 2):
        one.make_ghosts(count)
        entry = run_and_read(one, one.fill)
        if entry.ran.failure or entry.ran.left:
            raise NotJudged(LEAVES)
        usual |= entry.words()
    silent = []
    for fault in FAULTS:
        with _faulty(one.context, trigger.name, fault):
            one.make_ghosts(2)
            if not run_and_read(one, one.fill).words() - usual:
                silent.append(fault)
    if silent:
        yield _finding(one, trigger, silent)


@contextmanager
def _faulty(context: CheckContext, name: str, fault: str) -> Iterator[None]:
    definition = triggers.on_users(context.query)[name].definition
    if fault == "disabled":
        context.execute(f"alter table auth.users disable trigger {quoted(name)}")
        yield
        context.execute(f"alter table auth.users enable trigger {quoted(name)}")
        return
    context.execute(f"drop trigger {quoted(name)} on auth.users")
    if fault != "missing":
        context.execute(f"create table {DECOY} (like auth.users)")
        context.execute(definition.replace(" ON auth.users ", f" ON {DECOY} ", 1))
    yield
    if fault != "missing":
        context.execute(f"drop table {DECOY}")
    context.execute(definition)


def _finding(one: BackfillSandbox, trigger: SyncTrigger, silent: list[str]) -> Finding:
    states = silent[0] if len(silent) == 1 else ", ".join(silent[:-1]) + " or " + silent[-1]
    users = one.make_ghosts(1)
    off = f"alter table auth.users disable trigger {quoted(trigger.name)};\n"
    if silent[0] != "disabled":
        off = f"drop trigger {quoted(trigger.name)} on auth.users;\n"
    return one.finding(
        f"{one.routine.origin} does not report that the trigger {trigger.name} is {states}",
        one.shown(users, before=off),
        f"-- before anything else:\n{preflight(trigger)}",
    )
