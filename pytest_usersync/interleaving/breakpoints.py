"""Pauses in the middle of a step: where a function under test writes or reads a table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from ..model.errors import UserSyncError
from ..postgres import sqlfiles
from ..postgres.database import Connection
from ..postgres.pipeline import query
from ..postgres.prepared import PreparedStatements

WRITES = ("insert", "update", "delete")
# The first of the two numbers of our advisory locks.
KEYS = 1970495845
_TABLE = "select %s::regclass::oid as oid, %s::regclass::text as name"
_LET_GO = """
    select
        pg_catalog.pg_advisory_lock($1::int4, $2::int4),
        pg_catalog.pg_advisory_unlock($3::int4, $4::int4)
"""


@dataclass(frozen=True, slots=True)
class Pause:
    """Where sessions pause.

    Args:
        table: as SQL calls it, ``public.profiles``.
        on: ``insert``, ``update``, ``delete``, for each row; or ``select``, for each scan.
        after: whether once it has happened; before a select there is nothing to see.
        statement: whether for each statement that writes, instead of each row.
    """

    table: str
    on: tuple[str, ...]
    after: bool = False
    statement: bool = False


def pause(
    table: str, on: str | Collection[str], *, after: bool = False, statement: bool = False
) -> Pause:
    """Return where to pause.

    Raises:
        UserSyncError: nobody can pause there.
    """
    verbs = (on,) if isinstance(on, str) else tuple(on)
    for verb in verbs:
        if verb not in (*WRITES, "select"):
            raise UserSyncError(
                f"A session cannot pause on {verb!r}. Use insert, update, delete or select."
            )
    return Pause(table, verbs, after, statement)


def install(control: Connection, pauses: Collection[Pause]) -> bool:
    """Make sessions pause; return whether that cannot be taken away again.

    Raises:
        UserSyncError: there is no such table.
    """
    known = control.execute("select to_regproc('usersync_race.halt') is not null as known")
    if not known.fetchall()[0]["known"]:
        control.execute(sqlfiles.read("interleaving", "pause.sql").encode())
    for number, one in enumerate(pauses):
        try:
            _install(control, one, number)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            raise UserSyncError(
                f"There is no table {one.table}. Name it with its schema, public.profiles."
            ) from None
    return any("select" in one.on for one in pauses)


def _install(control: Connection, one: Pause, number: int) -> None:
    found = control.execute(_TABLE, [one.table, one.table]).fetchall()
    name = found[0]["name"]
    if writes := [verb for verb in one.on if verb in WRITES]:
        statement = sql.SQL(
            "create trigger {name} {when} {verbs} on {table}"
            " for each {each} execute function usersync_race.halt_write({place});"
            # Always: a session may have set itself to `replica`, where others do not fire.
            " alter table {table} enable always trigger {name}"
        ).format(
            # Triggers fire in the order of their names.
            name=sql.Identifier(f" usersync_race_{number}"),
            when=sql.SQL("after" if one.after else "before"),
            verbs=sql.SQL(" or ").join(map(sql.SQL, writes)),
            table=_quoted(name),
            each=sql.SQL("statement" if one.statement else "row"),
            place=sql.Literal(one.table),
        )
        control.execute(statement)
    if "select" in one.on:
        control.execute("select usersync_race.halt_reads(%s::oid)", [found[0]["oid"]])


def remove(control: Connection, pauses: Collection[Pause]) -> None:
    """Take the triggers away again."""
    for number, one in enumerate(pauses):
        if any(verb in WRITES for verb in one.on):
            row = control.execute("select %s::regclass::text as name", [one.table]).fetchall()[0]
            statement = sql.SQL("drop trigger if exists {} on {}").format(
                sql.Identifier(f" usersync_race_{number}"),
                _quoted(row["name"]),
            )
            control.execute(statement)


def hold(control: Connection, keeper: Connection, slot: int) -> None:
    """Close the first pause of a session before it comes to one."""
    # A sequence counts the pauses, because no rollback takes its numbers back.
    name = sql.Identifier("usersync_race", f"pause_{slot}")
    control.execute(sql.SQL("create sequence {}").format(name))
    keeper.execute("select pg_catalog.pg_advisory_lock(%s, %s)", [KEYS, 2 * slot + 1])


def let_go(plans: PreparedStatements, slot: int, count: int) -> None:
    """Close the next pause of a session, and let it go on from its latest.

    It may be about to wait still, so what is opened now is closed again at the next pause only.
    """
    ahead, behind = 2 * slot + (count + 1) % 2, 2 * slot + count % 2
    plans.ask(query(_LET_GO, *map(str, (KEYS, ahead, KEYS, behind))))


def _quoted(name: LiteralString) -> sql.SQL:
    """Return a name that the server has quoted."""
    return sql.SQL(name)
