"""Backfill and quality check: the project's own where it has them, else what they must do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from psycopg import Cursor, errors, sql
from psycopg.rows import DictRow, dict_row

from ...migrations.psql_script import cut
from ...model.errors import UserSyncError
from ...model.finding import NotJudged
from ...model.quoting import identifier
from ...model.sync import Sync, Target
from ...postgres.catalog import Query, asking, functions, triggers
from ...postgres.catalog.functions import Function
from ...postgres.database import Connection
from .routines import runnable

Reader: TypeAlias = "Cursor[DictRow]"
QUALITY_CHECK = "run_user_sync_quality_check"
_GHOSTS = "usersync_ghosts"


def ghosts(target: Target, *, emailless: bool = True) -> sql.Composed:
    """Return the query for the users without a row in the table, oldest first.

    Args:
        emailless: whether users without an email address are meant to have one.
    """
    return sql.SQL(
        "select u.* from auth.users as u where not exists"
        " (select from {table} as t where t.{key}::text = u.id::text){more}"
        " order by u.created_at, u.id"
    ).format(
        table=identifier(target.table),
        key=sql.Identifier(target.key),
        more=sql.SQL("" if emailless else " and u.email is not null"),
    )


def orphans(target: Target) -> sql.Composed:
    """Return the query for the rows of the table without a user."""
    return sql.SQL(
        "select t.* from {table} as t where not exists"
        " (select from auth.users as u where u.id::text = t.{key}::text)"
        " order by t.{key}"
    ).format(table=identifier(target.table), key=sql.Identifier(target.key))


def own_backfill(reader: Reader, given: str = "") -> list[str]:
    """Return what runs the project's own backfill, if it has one.

    It is what the user names, else a function whose name says that it is one.

    Args:
        given: SQL, or the path of the file that has it.

    Raises:
        UserSyncError: the file has what only psql can do.
    """
    if not given.lower().endswith(".sql"):
        return [given] if given else _call(reader, "backfill")
    path = Path(given)
    try:
        return [one.text for one in runnable(path.name, cut(path.read_text(encoding="utf-8")))]
    except NotJudged as refused:
        raise UserSyncError(f"{refused}. Name SQL that a session can run.") from None


def own_quality_check(reader: Reader) -> list[str]:
    """Return the call of the project's own quality check, if it has the usual name."""
    return _call(reader, f"^{QUALITY_CHECK}$")


def callables(query: Query, pattern: str = "", *, plain: bool = True) -> list[Function]:
    """Return the project's functions and procedures, but no trigger functions, by name.

    Args:
        pattern: what their names match.
        plain: whether only those that can be called without arguments.
    """
    found = [
        one
        for one in functions.of_project(query)
        if re.search(pattern, one.name, re.IGNORECASE)
        and not one.returns_trigger
        and not (plain and one.required)
    ]
    return sorted(found, key=lambda one: (one.schema, one.name))


def _call(reader: Reader, pattern: str) -> list[str]:
    return [
        f"{'call' if one.procedure else 'select * from'} {one.called}()"
        for one in callables(asking(reader), pattern)[:1]
    ]


def run(connection: Connection, call: str) -> list[DictRow]:
    """Run the project's own function and return what it returns."""
    try:
        cursor = connection.cursor(row_factory=dict_row).execute(call.encode())
    except errors.InvalidTransactionTermination as error:
        raise UserSyncError(
            f"{call} commits, but a rolled-back test cannot commit. Mark the test with"
            ' @pytest.mark.usersync(isolation="clone").'
        ) from error
    return cursor.fetchall() if cursor.description else []


def refill(reader: Reader, sync: Sync, *, emailless: bool) -> None:
    """Give every ghost the rows that the project's triggers would have written for them.

    The ghosts go, as they are, through a temporary table that has the INSERT triggers of
    ``auth.users``.
    """
    with reader.connection.transaction():
        reader.execute(
            f"create temporary table {_GHOSTS} on commit drop as select * from auth.users limit 0"
        )
        for one in triggers.on_users(asking(reader)).values():
            if one.enabled and "INSERT" in one.events:
                here = one.definition.replace(" ON auth.users ", f" ON pg_temp.{_GHOSTS} ", 1)
                reader.execute(here.encode())
        into = sql.SQL("insert into pg_temp.{} ").format(sql.Identifier(_GHOSTS))
        reader.execute(into + ghosts(sync.profile, emailless=emailless))
        reader.execute(f"set constraints all immediate; drop table pg_temp.{_GHOSTS}")


def quality(sync: Sync, ghost_count: int, orphan_count: int) -> Iterator[dict[str, object]]:
    """Yield the rows of a quality check for a project that has none of its own."""
    active = any(t.enabled and "INSERT" in t.event for t in sync.triggers)
    for name, count, severity, message in (
        ("ghost_users_check", ghost_count, "critical", "users without a profile"),
        ("orphaned_profiles_check", orphan_count, "warning", "profiles without a user"),
        (
            "trigger_exists_check",
            int(not active),
            "critical",
            "no active INSERT trigger on auth.users",
        ),
    ):
        yield {
            "check_name": name,
            "passed": count == 0,
            "issue_count": count,
            "severity": severity,
            "message": f"{count} {message}" if count else "ok",
        }
