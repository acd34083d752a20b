"""Answers of the monitoring that the app's users can read: its lists, its log, its views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from ...auth import Json
from ...model.finding import NotJudged
from ...model.quoting import named, quoted
from ...postgres.catalog import functions
from ...postgres.catalog.functions import Function
from ...runner.context import CheckContext
from ...runner.requests import claims, rolled_back
from ...runner.reused_sandbox import reused_context
from ..maintenance import capabilities
from ..maintenance.monitoring import Monitoring
from ..security.exposed_relations import Relation, relations, schemas
from .call import ask
from .faults import faults
from .populated import PopulatedDatabase
from .survey import possible_states


@dataclass(frozen=True, slots=True)
class RequestResult:
    """What a request of a stranger was told.

    Args:
        what: in words, what was told.
        thing: the function, table or view that told it.
        statement: the query that the request made.
        remedy: the SQL that ends it.
    """

    what: str
    thing: str
    statement: str
    remedy: str


@dataclass(frozen=True)
class Requester:
    """A database with ghosts, an orphan, a record of it, and somebody who asks.

    Args:
        sql: what brings it about.
        ghosts: what only monitoring tells: ids and addresses of users without a profile.
        orphans: those of profiles without a user, which the profile table tells, too.
        known: somebody with a profile, whom not only monitoring shows.
    """

    context: CheckContext
    monitoring: Monitoring
    sql: str
    told: Mapping[str, Json]
    ghosts: tuple[str, ...]
    orphans: tuple[str, ...]
    known: str


def requester(context: CheckContext, *, signed_in: bool) -> Requester:
    """Set it up; who asks is not the first user, who may be an admin."""
    monitoring = capabilities.monitoring(context)
    if "parity" not in possible_states(context):
        raise NotJudged("the check cannot create a ghost user and an orphaned profile")
    fresh_context = reused_context(context)
    populated = PopulatedDatabase(fresh_context)
    fault = next(one for one in faults(populated) if one.name == "parity")
    arrivals = [populated.resident() for _ in range(3)]
    fresh_context.session().execute("".join([fault.sql, *(one for _, one in arrivals)]).encode())
    text = fault.sql + (arrivals[-1][1] if signed_in else "")
    if monitoring.record:
        text += f"select * from {monitoring.record};\n"
        with fresh_context.session().transaction():
            ask(fresh_context, monitoring.record, keep=True)
    users = fault.facts.users
    lost = [users[one] for one in fault.facts.ghosts]
    who = arrivals[-1][0]
    return Requester(
        fresh_context,
        monitoring,
        text,
        claims(fresh_context, UUID(who.id)) if signed_in else claims(fresh_context),
        tuple(str(value).lower() for one in lost for value in (one.id, one.email) if value),
        tuple(fault.facts.orphans),
        arrivals[0][0].id,
    )


def read_answers(told: Requester) -> Iterator[RequestResult]:
    """Yield what the request reads, from functions and from tables and views."""
    yield from _functions(told)
    role = str(told.told["role"])
    filled = {target.table for target in told.context.sync.targets}
    for relation in relations(told.context, role):
        if relation.table not in filled and (what := _shows(told, relation)):
            table = named(relation.table)
            columns = ", ".join(map(quoted, relation.columns))
            guard = f"alter table {table} enable row level security;\n" * (relation.kind in "rp")
            yield RequestResult(
                f"{what} ({table})",
                table,
                f"select {columns} from {table};\n",
                f"{guard}revoke all on {table} from anon, authenticated;\n",
            )


def _functions(told: Requester) -> Iterator[RequestResult]:
    role = str(told.told["role"])
    served = schemas(told.context)
    found = [
        one
        for one in _known(told)
        if one.returns_set and not one.required and one.schema in served and role in one.callers
    ]
    log = {_name(told.monitoring.latest), _name(told.monitoring.history)} - {""}
    own = {_name(told.monitoring.ghosts), _name(told.monitoring.orphans)} - {""}
    for one in found:
        call = f"{one.called}()"
        rows = _read(told, f"select x::text as text from {call} as x")
        what = "the monitoring log" if rows and one.called in log else ""
        needles = (*told.ghosts, *told.orphans) if one.called in own else told.ghosts
        if any(needle in text for text in rows for needle in needles):
            what = "ghost users" if any(o in t for t in rows for o in told.ghosts) else ""
            what = what or "orphaned profiles"
            # What names a sound user too is a list of users, not of ghosts.
            if one.called not in own and any(told.known in text for text in rows):
                continue
        if what:
            signature = f"{one.called}({one.identity_arguments})"
            yield RequestResult(
                f"{what} ({call})",
                call,
                f"select * from {call};\n",
                f"revoke execute on function {signature} from public, anon, authenticated;\n",
            )


def _known(told: Requester) -> list[Function]:
    found = (one for one in functions.of_project(told.context.known) if not one.procedure)
    return sorted(found, key=lambda one: (one.schema, one.name))


def _name(source: str) -> str:
    return source.partition("(")[0]


def _shows(told: Requester, relation: Relation) -> str:
    """Return what a table or view shows of the monitoring, or nothing."""
    table = sql.Identifier(relation.table.schema, relation.table.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, relation.columns))
    query = sql.SQL("select x::text as text from (select {} from {}) as x").format(columns, table)
    if named(relation.table) == told.monitoring.log:
        return "the monitoring log" if _read(told, query.as_string(None)) else ""
    rows = _read(told, query.as_string(None))
    if not any(one in text for text in rows for one in told.ghosts):
        return ""
    return "" if any(told.known in text for text in rows) else "ghost users"


def _read(told: Requester, query: str) -> list[str]:
    """Return what the request reads, each row as text; nothing where it is refused."""
    rows: list[str] = []

    def act() -> None:
        with rolled_back(told.context, told.told) as connection:
            found = connection.execute(f"{query} limit 1000".encode())
            rows.extend(str(row["text"]).lower() for row in found)

    told.context.attempt(act)
    return rows


def revoke_from_users(told: Requester) -> str:
    """Return the SQL that closes the monitoring functions, those that were not read included."""
    words = ("ghosts", "orphans", "stats", "check", "record", "latest", "history")
    sources = {getattr(told.monitoring, word) for word in words} - {""}
    role = str(told.told["role"])
    found = [
        f"{one.called}({one.identity_arguments})"
        for source in sources
        for one in functions.of_name(told.context.known, source)
        if role in one.callers
    ]
    if not found:
        return ""
    listed = ",\n        ".join(sorted(found))
    return (
        f"revoke execute\n    on function\n        {listed}\n"
        "    from public, anon, authenticated;\n"
    )
