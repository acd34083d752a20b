"""Statements run inside a transaction, and taken back by a savepoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import Error

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.rows import DictRow

_BACK = "rollback to savepoint usersync; release savepoint usersync"


def answers(cursor: Cursor[DictRow]) -> list[list[DictRow]]:
    """Return the rows of each query of a script."""
    found = []
    more: bool | None = True
    while more:
        if cursor.description is not None:
            found.append(cursor.fetchall())
        more = cursor.nextset()
    return found


def undone(text: str) -> str:
    """Return statements that are taken back; what their queries return stays."""
    return f"savepoint usersync; {text}; {_BACK}"


def run(connection: Connection[DictRow], text: str) -> list[list[DictRow]]:
    """Run statements and return the rows of each query.

    Raises:
        psycopg.Error: PostgreSQL refuses one; what the others did is taken back, and the
            transaction goes on.
    """
    # By itself, because of a text that PostgreSQL cannot parse nothing at all is run.
    connection.execute("savepoint usersync")
    return _run(connection, f"{text}; release savepoint usersync")


def run_undone(connection: Connection[DictRow], text: str) -> list[list[DictRow]]:
    """Run statements that PostgreSQL can parse, in one trip, and take them back.

    Returns the rows of each query; raises as ``run`` does.
    """
    return _run(connection, undone(text))


def _run(connection: Connection[DictRow], text: str) -> list[list[DictRow]]:
    try:
        return answers(connection.execute(text.encode()))
    except Error:
        if not connection.closed:
            connection.execute(_BACK.encode())
        raise
