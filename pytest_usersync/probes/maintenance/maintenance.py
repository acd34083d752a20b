"""Backfill and quality check: the project's own where it has them, else what they must do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from psycopg import Cursor, errors, sql
from psycopg.rows import DictRow, dict_row

from ...migrations import PLATFORM_SCHEMAS
from ...migrations.psql_script import cut
from ...model.errors import UserSyncError
from ...model.finding import NotJudged
from ...model.quoting import identifier, named
from ...model.sync import Sync, Table, Target
from ...postgres.database import Connection
from .routines import runnable

Reader: TypeAlias = "Cursor[DictRow]"
QUALITY_CHECK = "run_user_sync_quality_check"
_CALLABLE = """
select n.nspname as schema, p.proname as name, p.prokind = 'p' as procedure, p.prosrc as source
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where p.proname ~* %s and p.prokind in ('f', 'p') and p.pronargs - p.pronargdefaults <= %s
    and p.prorettype <> 'trigger'::regtype
    and n.nspname !~ '^pg_' and n.nspname <> all (%s)
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
order by n.nspname, p.proname
"""
_INSERT_TRIGGERS = """
select t.tgname as name, pg_catalog.pg_get_triggerdef(t.oid) as definition
from pg_catalog.pg_trigger as t
where t.tgrelid = 'auth.users'::regclass and not t.tgisinternal
    and t.tgenabled in ('O', 'A') and t.tgtype & 4 > 0
order by t.tgname
"""
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


def callables(reader: Reader, pattern: str = "", *, plain: bool = True) -> list[DictRow]:
    """Return schema, name, kind and source of the project's functions and procedures.

    Args:
        pattern: what their names match.
        plain: whether only those that can be called without arguments.
    """
    most = 0 if plain else 100
    return reader.execute(_CALLABLE, [pattern, most, list(PLATFORM_SCHEMAS)]).fetchall()


def _call(reader: Reader, pattern: str) -> list[str]:
    found = callables(reader, pattern)
    name = [named(Table(one["schema"], one["name"])) for one in found[:1]]
    call = "call" if found and found[0]["procedure"] else "select * from"
    return [f"{call} {one}()" for one in name]


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
        for trigger in reader.execute(_INSERT_TRIGGERS).fetchall():
            here = trigger["definition"].replace(" ON auth.users ", f" ON pg_temp.{_GHOSTS} ", 1)
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
