"""Try the login event triggers of a project, which PostgreSQL has from version 17 on."""

from __future__ import annotations

import re

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ..model.finding import Failure
from ..postgres import Secret, Server, conninfo, database, statement_timeout
from ..postgres.database import Connection
from .model import Migration, MigrationFailure, Project, hook_migration
from .split import Statement, blank_comments

_AUTH = "supabase_auth_admin"
_FOUND = """
select evtname::text as name, evtenabled = 'A' as always
from pg_catalog.pg_event_trigger
where evtevent = 'login' and evtenabled in ('O', 'A')
order by evtname
"""
# A session that has sent no query yet is still in the login trigger.
_END = """
select pg_catalog.pg_terminate_backend(pid)
from pg_catalog.pg_stat_activity
where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid()
    and backend_type = 'client backend' and query_start is null
"""
_REMEDY = (
    "Let the event trigger end soon and raise no error: as it is, Supabase Auth and PostgREST"
    " cannot connect, and every signup fails."
)


def try_logins(
    superuser: Connection, server: Server, name: str, project: Project
) -> list[MigrationFailure]:
    """Return the login event triggers that keep Supabase Auth out; they are disabled then.

    So whatever else the project does can be judged.
    """
    found = superuser.execute(_FOUND).fetchall() if server.version >= 170000 else []
    for row in found:
        _switch(superuser, row["name"], "disable")
    failures = []
    for row in found:
        _switch(superuser, row["name"], "enable always" if row["always"] else "enable")
        if said := _refusal(superuser, server, name):
            _switch(superuser, row["name"], "disable")
            failures.append(_failure(project, row["name"], said))
    return failures


def _switch(superuser: Connection, name: str, how: str) -> None:
    statement = sql.SQL("alter event trigger {} {}")
    superuser.execute(statement.format(sql.Identifier(name), sql.SQL(how)))


def _refusal(superuser: Connection, server: Server, name: str) -> str:
    """Return why Supabase Auth cannot log in; nothing if it can."""
    # libpq waits for two seconds at least.
    limit = max(2, round(statement_timeout.statement()))
    words = database.role_conninfo(server, name, _AUTH)
    try:
        conninfo.connect(Secret(make_conninfo(words, connect_timeout=limit))).close()
    except psycopg.OperationalError as error:
        superuser.execute(_END)
        if "timeout" in str(error):
            return f"still running after {limit} s, so the login was cancelled"
        return str(error).partition("FATAL:")[2].partition(". Try again")[0].strip() or str(error)
    return ""


def _failure(project: Project, name: str, said: str) -> MigrationFailure:
    message = f'the login event trigger "{name}" lets nobody log in: {said}'
    migration, statement = _created(project, name)
    location = project.location(migration, *statement.place()) if statement else None
    failure = Failure("", message, hint=_REMEDY, location=location)
    return MigrationFailure(migration, statement, failure)


def _created(project: Project, name: str) -> tuple[Migration, Statement | None]:
    """Return where the event trigger is created; the last file if that cannot be seen."""
    written = re.escape(name.replace('"', '""'))
    pattern = rf'(?i)\bcreate\s+event\s+trigger\s+"?{written}"?\s'
    for migration in reversed(project.files):
        for statement in reversed(migration.statements):
            if re.search(pattern, blank_comments(statement.text)):
                return migration, statement
    return (project.files[-1] if project.files else hook_migration(project.root, "")), None
