"""Monitoring called by those who are meant to, in every state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from psycopg import Error

from ...model.finding import Failure
from ...platform import platform
from ...postgres.catalog import functions
from ...postgres.database import Connection
from ...runner.context import CheckContext
from ...runner.requests import rolled_back, script
from ...runner.reused_sandbox import reused_context
from ..maintenance import capabilities
from ..maintenance.monitoring import NAMES
from .call import call_name
from .faults import Fault
from .populated import PopulatedDatabase
from .survey import survey

ROLES = ("postgres", "service_role")
# What a role may do does not depend on much.
STATES = ("healthy", "more")


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that failed."""

    function: str
    role: str
    title: str
    failure: Failure
    sql: str
    remedy: str


def failed_calls(context: CheckContext) -> Iterator[FailedCall]:
    """Yield the calls that fail: of the migrations' role in every state, of each role in two."""
    monitoring = capabilities.monitoring(context)
    words = {word: source for word in NAMES if (source := getattr(monitoring, word))}
    role = platform.migration_role(context.subject.server)
    for seen in survey(context):
        for word, answer in seen.said.items():
            if answer.failure and not seen.fault.failing:
                yield _told(context, seen.fault, role, words[word], answer.failure)
    words.pop("log", None)
    may = _may(context, words.values())
    populated = PopulatedDatabase(reused_context(context))
    for fault in (seen.fault for seen in survey(context) if seen.fault.name in STATES):
        for role in ROLES:
            yield from _failing(populated.context, fault, role, may[role])


def _failing(
    context: CheckContext, fault: Fault, role: str, may: Sequence[str]
) -> Iterator[FailedCall]:
    """Call everything that the role may call, with the log as it is found, empty at first."""
    failures: dict[str, Failure] = {}
    calls = {source: f"select * from {source}" for source in may}
    with rolled_back(context, {"role": role}, fault.sql) as connection:
        # Mostly none fails, and all in one trip shows it.
        if _fails(connection, "; ".join(calls.values())):
            for source, call in calls.items():
                if error := _fails(connection, call):
                    failures.setdefault(source, context.failure(error))
    for source, failure in failures.items():
        yield _told(context, fault, role, source, failure)


def _fails(connection: Connection, text: str) -> Error | None:
    try:
        with connection.transaction():
            connection.execute(text.encode() or b"select")
    except Error as error:
        return error
    return None


def _told(
    context: CheckContext, fault: Fault, role: str, source: str, failure: Failure
) -> FailedCall:
    monitoring = capabilities.monitoring(context)
    # What reads the log fails on a record, if on anything.
    reads = source in (monitoring.latest, monitoring.history) and monitoring.record
    return FailedCall(
        call_name(source),
        role,
        fault.title,
        failure,
        fault.sql
        + (f"select * from {monitoring.record};\n" if reads else "")
        + script({"role": role}, f"select * from {source};\n"),
        _remedy(source, role, failure, definer=_definer(context, source)),
    )


def _may(context: CheckContext, sources: Iterable[str]) -> dict[str, list[str]]:
    """Return what each of the roles may call."""
    may = {
        source: {role for one in functions.of_name(context.known, source) for role in one.callers}
        for source in sources
    }
    return {role: [source for source, roles in may.items() if role in roles] for role in ROLES}


def _definer(context: CheckContext, source: str) -> bool:
    return any(one.definer for one in functions.of_name(context.known, source))


def _remedy(source: str, role: str, failure: Failure, *, definer: bool) -> str:
    if failure.sqlstate == "42501" and not definer:
        signature = source if source.endswith("()") else source.partition("(")[0]
        return (
            f"alter function {signature} security definer set search_path = '';\n"
            f"revoke execute on function {signature} from public, anon, authenticated;\n"
            f"-- or, if {role} should not call it: revoke execute … from {role};"
        )
    return f"-- correct {call_name(source)}, which fails with {failure.sqlstate}: {failure.message}"
