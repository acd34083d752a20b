"""Traces of a rollback script: the catalog before and after, and the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from psycopg import Error

from ... import migrations
from ...auth import AuthError, SupabaseAuth
from ...migrations import PLATFORM_SCHEMAS, Project
from ...model.finding import ClientView, Finding, Location
from ...model.names import PATH, last, words
from ...model.quoting import named
from ...model.sync import Table
from ...platform import platform
from ...postgres import database
from ...postgres.catalog import asking, relations, triggers
from ...postgres.database import HARNESS, Connection
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME
from . import maintenance

# Rights: the order in which they were given makes no difference, nor whether any ever was.
_LISTED = """
    array(
        select one::text
        from unnest(coalesce({acl}, pg_catalog.acldefault('{kind}', {owner}))) as one
        order by one::text collate "C"
    )::text
"""
_ROUTINES = f"""
    select
        p.oid::pg_catalog.regprocedure::text as name,
        pg_catalog.pg_get_functiondef(p.oid)
            || {_LISTED.format(acl="p.proacl", kind="f", owner="p.proowner")} as text
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
    where p.prokind in ('f', 'p') and n.nspname <> all (%s) and n.nspname !~ '^pg_'
    order by 1
"""
# Which function a trigger on auth.users runs, as the routines are called.
_RIGHTS = f"""
    select
        'schema auth' as name,
        {_LISTED.format(acl="n.nspacl", kind="n", owner="n.nspowner")} as text
    from pg_catalog.pg_namespace as n
    where n.nspname = 'auth'
    union all
    select
        c.oid::pg_catalog.regclass::text,
        {_LISTED.format(acl="c.relacl", kind="r", owner="c.relowner")}
    from pg_catalog.pg_class as c
    where c.relnamespace = 'auth'::pg_catalog.regnamespace and c.relkind in ('r', 'v', 'p')
    order by name
"""
_JOBS = "select jobname as name, command as text from cron.job order by jobname"
# What a call fails with when something that it needs is no more.
_GONE = ("42883", "42P01", "42703", "3F000")
_PATIENCE = "5s"
SIGNUP = BY_NAME["email-autoconfirm"]


@dataclass(frozen=True, slots=True)
class State:
    """What of the catalog is the sync's business, each by its name."""

    triggers: Mapping[str, str]
    runs: Mapping[str, str]
    routines: Mapping[str, str]
    rights: Mapping[str, str]
    jobs: Mapping[str, str]


def state(connection: Connection) -> State:
    """Return the state of a database; the session is the harness's."""

    def read(query: str, *parameters: object) -> dict[str, str]:
        rows = connection.execute(query.encode(), parameters or None).fetchall()
        return {row["name"]: row["text"] for row in rows}

    # So every name is told with its schema.
    connection.execute("set search_path = ''")
    try:
        cron = connection.execute("select to_regclass('cron.job') is not null as there")
        jobs = read(_JOBS) if cron.fetchall()[0]["there"] else {}
        routines = read(_ROUTINES, list(PLATFORM_SCHEMAS))
        found = triggers.on_users(asking(connection))
        texts = {name: f"{one.definition} {one.firing}" for name, one in found.items()}
        runs = {name: one.signature for name, one in found.items()}
        return State(texts, runs, routines, read(_RIGHTS), jobs)
    finally:
        connection.execute("reset search_path")


def rows(context: CheckContext) -> dict[Table, str]:
    """Return a digest of the rows of every table of the project that has any."""
    digests = {}
    for table in relations.tables(context.query):
        digest = "md5(string_agg(md5(t::text), '' order by md5(t::text)))"
        told = context.query(f"select {digest} as digest from {named(table)} as t")
        if told[0]["digest"]:
            digests[table] = told[0]["digest"]
    return digests


def before(context: CheckContext, file: str) -> tuple[State, bool]:
    """Return the state in which the migrations before one file leave a new database.

    With it comes whether people can sign up there.
    """
    server, whole = context.subject.server, context.subject.project
    files = [whole.show_path(one.path) for one in whole.migrations]
    early = whole.migrations[: files.index(file)] if file in files else ()
    part = replace(whole, migrations=early, after=(), hook="")
    loaded = migrations.load(server, platform.template(server), part)
    try:
        with (
            closing(database.connect(server, loaded.database, HARNESS)) as connection,
            closing(database.connect(server, loaded.database, "supabase_auth_admin")) as auth,
        ):
            found = state(connection)
            try:
                SIGNUP.act(SupabaseAuth(auth, SIGNUP.settings), context.person())
            except AuthError:
                return found, False
            return found, True
    finally:
        database.drop(server, loaded.database)


def broken_calls(
    context: CheckContext, sound: CheckContext, earlier: State
) -> Iterator[tuple[str, str]]:
    """Yield what is new since then and fails for want of what is gone, each with the error.

    Args:
        context: where the rollback was done.
        sound: where it was not.
        earlier: the state that it goes back to.
    """
    now = state(context.session())
    calls = {}
    for one in maintenance.callables(context.query):
        call = "call" if one.procedure else "select * from"
        what = f"function {one.schema}.{one.name}()"
        calls[what] = (one.name, f"{call} {one.called}()")
    known = {last(name) for name in earlier.routines}
    calls = {what: one for what, one in calls.items() if one[0] not in known}
    jobs = {f"scheduled job {name}": (name, text) for name, text in now.jobs.items()}
    calls |= {what: one for what, one in jobs.items() if one[0] not in earlier.jobs}
    for what, (_, call) in calls.items():
        error = _called(context, call)
        # What fails without the rollback as well is not its fault.
        if error and error.partition(" ")[0] in _GONE and _called(sound, call) != error:
            yield what, error


def _called(context: CheckContext, call: str) -> str:
    """Call something, take it back, and return what PostgreSQL said if it fails."""
    connection = context.session()
    connection.execute(f"begin; set local statement_timeout = '{_PATIENCE}'".encode())
    try:
        connection.execute(call.encode())
    except Error as error:
        return f"{error.sqlstate} {error.diag.message_primary}"
    finally:
        connection.execute("rollback")
    return ""


def refused(context: CheckContext, refusal: SignupRefused, shown: str, setup: str) -> Finding:
    """Return the finding that a signup is refused once a script was run."""
    cause = refusal.error.__cause__
    failure = context.failure(cause) if isinstance(cause, Error) else None
    view = ClientView(refusal.error.status, refusal.error.code, refusal.error.message)
    summary = f"after {shown}, no user can sign up"
    return context.refusal(failure, f"{setup}{refusal.script}", summary, view)


def located(whole: Project, routine: str) -> Location | None:
    """Return where a routine is made that ``State.routines`` has by this name."""
    found = re.match(PATH, routine)
    *schemas, name = words(found[0]) if found else ("",)
    return migrations.locate_function(whole, schemas[-1] if schemas else "", name)
