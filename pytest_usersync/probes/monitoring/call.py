"""Asking a function of the monitoring as the role that migrations run as, and reading a log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import Error, sql

from ...model.finding import Failure
from ...platform import platform
from ...postgres import savepoint
from ...postgres.database import Connection
from ...runner.check import Subject
from ...runner.context import CheckContext

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one function said: rows, or why it failed."""

    rows: tuple[Row, ...] = ()
    failure: Failure | None = None


@dataclass
class _Role:
    """The role that migrations run as."""

    subject: Subject
    name: str = field(init=False)

    def __post_init__(self) -> None:
        name = platform.migration_role(self.subject.server)
        self.name = sql.Identifier(name).as_string(None)

    def close(self) -> None:
        """Nothing is open."""


def ask(context: CheckContext, source: str, *, keep: bool = False) -> Answer:
    """Call a function as the role that migrations run as, inside of what the context has begun.

    Args:
        keep: whether what it writes stays.
    """
    session = context.session()
    try:
        (found,) = savepoint.run(session, asking(context, source, keep=keep))
    except Error as error:
        return Answer(failure=context.failure(error))
    return Answer(rows_in(tuple(found)))


def asking(context: CheckContext, source: str, *, keep: bool = False) -> str:
    """Return the script that calls a function, inside of a transaction."""
    text = f"set local role {context.shared(_Role).name}; select * from {source}"
    return f"{text}; reset role" if keep else savepoint.undone(text)


def rows_in(found: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows of an answer; one that is a JSON array has them inside."""
    values = list(found[0].values()) if len(found) == 1 else []
    if len(values) == 1 and (values[0] is None or isinstance(values[0], list)):
        return tuple(row for row in values[0] or () if isinstance(row, dict))
    return found


def take(connection: Connection, role: str) -> None:
    """Let the rest of the transaction act as a role."""
    connection.execute("select pg_catalog.set_config('role', %s, true)", [role])


def rows_of(context: CheckContext, log: str) -> dict[str, Row]:
    """Return the rows of a table by where each one stands."""
    if not log:
        return {}
    found = context.query(rows_query(log))
    return {str(row.pop("usersync_place")): row for row in found}


def rows_query(log: str) -> str:
    """Return the query for the rows of a table, each with its place."""
    return f"select t.ctid::text as usersync_place, t.* from {log} as t"


def call_name(source: str) -> str:
    """Return a function's call without what stands in its parentheses."""
    return re.sub(r"\(.*\)", "()", source)
