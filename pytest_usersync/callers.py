"""Monitoring called by those who are meant to, in every state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import Error

from . import chores
from .faults import Fault, faults
from .finding import Failure
from .ground import Ground
from .monitored import NAMES
from .requests import rehearsal, script
from .survey import bare
from .trial import Trial

ROLES = ("postgres", "service_role")
# The states in which the functions have something else to say.
STATES = ("healthy", "one-more", "empty", "ghost-without-email", "ghost-undated", "more")
_MAY = """
    select p.prosecdef as definer
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where quote_ident(n.nspname) || '.' || quote_ident(p.proname) = %s
        and pg_catalog.has_function_privilege(%s, p.oid, 'execute')
        and pg_catalog.has_schema_privilege(%s, n.oid, 'usage')
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """A call that failed."""

    function: str
    role: str
    title: str
    failure: Failure
    sql: str
    remedy: str


def broken(trial: Trial) -> Iterator[Broken]:
    """Yield the calls that fail, those in the simplest state first."""
    monitoring = chores.monitoring(trial)
    aside = trial.aside()
    ground = Ground(aside)
    sources = [source for word in NAMES if word != "log" if (source := getattr(monitoring, word))]
    for fault in faults(ground):
        if fault.name in STATES:
            for role in ROLES:
                yield from _failing(aside, fault, role, sources)
        if fault.name == STATES[-1]:
            return


def _failing(trial: Trial, fault: Fault, role: str, sources: list[str]) -> Iterator[Broken]:
    for source in sources:
        name = source.partition("(")[0]
        may = trial.query(_MAY, [name, role, role])
        if not may:
            continue
        failure: Failure | None = None
        with rehearsal(trial, {"role": role}, fault.sql) as connection:
            try:
                connection.execute(f"select * from {source}".encode())
            except Error as error:
                failure = trial.failure(error)
        if failure:
            yield Broken(
                bare(source),
                role,
                fault.title,
                failure,
                fault.sql + script({"role": role}, f"select * from {source};\n"),
                _remedy(source, role, failure, definer=bool(may[0]["definer"])),
            )


def _remedy(source: str, role: str, failure: Failure, *, definer: bool) -> str:
    if failure.sqlstate == "42501" and not definer:
        signature = source if source.endswith("()") else source.partition("(")[0]
        return (
            f"alter function {signature} security definer set search_path = '';\n"
            f"revoke execute on function {signature} from public, anon, authenticated;\n"
            f"-- or, if {role} is not meant to call it: revoke execute … from {role};"
        )
    return f"-- mend {bare(source)}, which fails with {failure.sqlstate}: {failure.message}"
