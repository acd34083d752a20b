"""Say why the database refused a signup, in the project's own words, and what to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import Error

from ..auth import AuthError
from ..model.finding import ClientView, Failure
from ..model.names import PATH, SAID
from ..model.quoting import quoted
from ..model.sync import Sync
from ..postgres.catalog import Query, columns
from .failure_context import FailureContext


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A cause in one sentence, and a remedy written for this project."""

    cause: str
    remedy: str


def vanished(message: str) -> bool:
    """Tell whether a signup failed because its row was gone right after the INSERT.

    Supabase Auth misses the row when it reads it back, or the new identity's foreign key does.
    """
    return "loading user after sign-up" in message or "identities_user_id_fkey" in message


def by_project(error: AuthError) -> bool:
    """Tell a refusal that the project caused from the server's own, and from its own tables'."""
    cause = error.__cause__
    if isinstance(cause, Error):
        # Without a context no function raised it: Auth's own insert met Auth's own unique index.
        direct = cause.diag.context is None and cause.diag.schema_name == "auth"
        return not (direct and cause.sqlstate == "23505")
    # 504: the request took too long, and of all that runs in it only a trigger can.
    return error.status == 504 or vanished(error.message)


def diagnose(
    failure: Failure | None, sync: Sync, client: ClientView | None, query: Query
) -> Diagnosis:
    """Return the cause and remedy of a refused signup.

    Args:
        failure: what PostgreSQL said; None when it said nothing and Supabase Auth gave up.
        sync: the sync, for the names of its triggers.
        client: what the app's user sees.
        query: runs a query with its parameters as a superuser of the database.
    """
    if vanished(failure.message if failure else client.message if client else ""):
        return _vanished(sync)
    if failure is None:
        return Diagnosis(
            f"Supabase Auth answers {client}",
            "Check what the triggers on auth.users change: PostgreSQL raised no error.",
        )
    context = FailureContext(failure, sync, query)
    try:
        return _CAUSES.get(failure.sqlstate, _anything)(context)
    except LookupError:
        return _anything(context)


def _vanished(sync: Sync) -> Diagnosis:
    before = [t for t in sync.triggers if t.event.upper().startswith("BEFORE") and t.enabled]
    who = " or ".join(f"{t.name} ({t.function})" for t in before) or "a BEFORE trigger"
    return Diagnosis(
        f"{who} makes the new user disappear: the row is not in auth.users after its INSERT",
        "End the BEFORE INSERT trigger with `return new;` on every path, and do not change"
        " new.id. To refuse a signup, raise an exception or use the before-user-created hook.",
    )


def _permission(context: FailureContext) -> Diagnosis:
    function = context.function()
    kind = context.found(r"for (\w+) ")
    thing = context.found(rf"for \w+ {SAID}") or context.found(r"for \w+ (.+)")
    named = context.relation(thing) if kind in ("table", "view", "relation") else thing
    denied = (
        f"row-level security of {named} forbids the row"
        if "row-level security" in context.failure.message
        else context.failure.message
    )
    if function and not function.definer:
        # The hosted platform gives supabase_auth_admin no rights on tables of the project.
        return Diagnosis(
            f"{function.name} is security invoker, so it runs as supabase_auth_admin, which has"
            f" no rights here: {denied}",
            f"alter function {function.name} security definer set search_path = '';\n"
            "-- and write the schema before every name in its body",
        )
    owner = function.owner if function else "supabase_auth_admin"
    grant = {"schema": "usage", "function": "execute", "sequence": "usage"}.get(kind, "all")
    return Diagnosis(
        f"{context.actor} runs as {owner}, which lacks a right: {denied}",
        f"grant {grant} on {kind or 'table'} {named} to {owner};",
    )


def _missing_table(context: FailureContext) -> Diagnosis:
    name = context.name(r'"(.+)" does not exist')
    # A name with a schema is not looked up on a path, so no other table can be meant.
    return _missing(context, "table", name, context.relations(name) if "." not in name else [])


def _missing(context: FailureContext, kind: str, name: str, candidates: Sequence[str]) -> Diagnosis:
    function = context.function()
    if not candidates:
        return Diagnosis(
            f"{context.actor} uses {kind} {name}, which does not exist in any schema",
            f"Create {kind} {name} in a migration before the trigger, or correct the name.",
        )
    remedy = f"-- write {candidates[0]} instead of {name}"
    if function:
        remedy = (
            f"alter function {function.name} security definer set search_path = '';\n"
            f"{remedy} in its body, and every other name with its schema"
        )
    if function is None or function.path is None:
        where = "a signup runs as supabase_auth_admin and finds only names in the schema auth"
    else:
        path = function.path.replace('""', "") or "empty"
        where = f"its search_path is {path}"
    return Diagnosis(f"{context.actor} uses {name} for {candidates[0]}, but {where}", remedy)


def _missing_function(context: FailureContext) -> Diagnosis:
    signature = context.found(r"(?:function|operator) (.+) (?:does not exist|is not unique)")
    name = signature.partition("(")[0]
    schemas = context.elsewhere("pg_proc", "pro", name) if "." not in name else []
    if "pg_catalog" in schemas or name == signature:
        return _anything(context)
    return _missing(context, "function", signature, [f"{schema}.{signature}" for schema in schemas])


def _missing_type(context: FailureContext) -> Diagnosis:
    name = context.found(r'type "(.+)" does not exist')
    if not name:
        return _anything(context)
    schemas = context.elsewhere("pg_type", "typ", name) if "." not in name else []
    return _missing(context, "type", name, [f"{schema}.{name}" for schema in schemas])


def _missing_column(context: FailureContext) -> Diagnosis:
    column = context.found(rf"column {SAID}") or context.name(rf"field {SAID}")
    table = context.found(r'of relation "(.+?)" does')
    if not table:
        return Diagnosis(
            f"{context.actor} reads {column}, which does not exist: {context.failure.message}",
            "Correct the name in the function's body.",
        )
    named = context.relation(table)
    return Diagnosis(
        f"{context.actor} writes the column {named}.{quoted(column)}, which does not exist",
        f"alter table {named} add column {quoted(column)} text;\n"
        "-- or correct the name in the function's body",
    )


def _null(context: FailureContext) -> Diagnosis:
    column = quoted(context.called("column"))
    table = context.relation(context.called("relation"))
    return Diagnosis(
        f"{context.actor} writes NULL into {table}.{column} (NOT NULL)",
        f"alter table {table} alter column {column} drop not null;\n"
        "-- or write another value when this one is missing, in the function's body",
    )


def _taken(context: FailureContext) -> Diagnosis:
    name = context.called("constraint")
    found = context.constraint(name)
    key = context.found(r"Key (\(.*\))=\(") or "key"
    drop = f"alter table {found['table']} drop constraint {quoted(name)};"
    if found["index"]:
        drop = f"drop index {quoted(name)};"
    keep = f"-- add `on conflict {key} do nothing` to the function's insert"
    kind = "unique index" if found["index"] else "unique constraint"
    taken = key if ", " in key else key.strip("()")
    return Diagnosis(
        f"{context.actor} inserts a row into {found['table']} whose {taken} already exists"
        f" ({kind} {name})",
        # To drop a primary key is no remedy.
        keep if found["primary"] else f"{drop}\n-- or, if a second row is never right:\n{keep}",
    )


def _unreferenced(context: FailureContext) -> Diagnosis:
    name = context.called("constraint")
    found = context.constraint(name)
    early = [t for t in context.sync.triggers if t.event.upper().startswith("BEFORE INSERT")]
    if found["referenced"] == "auth.users" and early:
        return Diagnosis(
            f"{context.actor} writes into {found['table']} before the row of auth.users exists,"
            f" which {name} requires: {early[0].name} is a BEFORE INSERT trigger",
            f"Make {early[0].name} an AFTER INSERT trigger.",
        )
    return Diagnosis(
        f"{context.actor} inserts a row into {found['table']} whose referenced row does not exist:"
        f" {context.failure.detail or context.failure.message}",
        f"Insert the row of {found['referenced'] or 'the referenced table'} first, in the same"
        " function or in a migration, or leave the column NULL.",
    )


def _unchecked(context: FailureContext) -> Diagnosis:
    name = context.called("constraint")
    found = context.constraint(name)
    return Diagnosis(
        f"{context.actor} writes a row into {found['table']} that violates {name}:"
        f" {found['definition']}",
        f"alter table {found['table']} drop constraint {quoted(name)};\n"
        "-- or write a value that satisfies it",
    )


def _unreadable(context: FailureContext) -> Diagnosis:
    kind, value = context.found(rf"for enum ({PATH}):"), context.found(r': "(.*)"$')
    if not kind:
        return _anything(context)
    schemas = [s for s in context.elsewhere("pg_type", "typ", kind) if s != "pg_catalog"]
    named = kind if "." in kind or not schemas else f"{schemas[0]}.{kind}"
    text = value.replace("'", "''")
    return Diagnosis(
        f"{context.actor} writes '{value}', which the enum {named} does not have",
        f"alter type {named} add value '{text}';\n-- or write a value that the enum has",
    )


def _too_long(context: FailureContext) -> Diagnosis:
    kind = context.name(r"for type (.+)$")
    # PostgreSQL names the type and not the column, so columns of that type are looked for.
    into = re.search(rf"(?i)\b(?:insert\s+into|update)\s+({PATH})", context.failure.context)
    table = context.relation(into[1]) if into else ""
    found = columns.of(context.query, table).values() if table else ()
    names = [quoted(one.name) for one in found if one.full_type == kind]
    place = f"{table}.{names[0]}" if len(names) == 1 else table or "a column"
    alters = [f"alter table {table} alter column {name} type text;" for name in names]
    return Diagnosis(
        f"{context.actor} writes a value into {place} that is too long for {kind}",
        "\n".join(alters) or f"Make the column of type {kind} text.",
    )


def _unmatched(context: FailureContext) -> Diagnosis:
    return Diagnosis(
        f"{context.actor} has an ON CONFLICT without a matching unique constraint or index",
        "Create a unique index on the columns of the ON CONFLICT, or name the columns of an"
        " existing one.",
    )


def _raised(context: FailureContext) -> Diagnosis:
    return Diagnosis(
        f'{context.actor} raises its own exception: "{context.failure.message}"',
        f"Remove the RAISE from {context.actor}: it refuses the whole signup. To refuse users, use"
        " the before-user-created hook, which gives the app an answer it can show.",
    )


def _cancelled(context: FailureContext) -> Diagnosis:
    return Diagnosis(
        f"{context.actor} takes longer than the statement timeout allows:"
        f" {context.failure.message}",
        "Remove slow work (a remote call, pg_sleep, a wait for a lock) from the trigger.",
    )


def _anything(context: FailureContext) -> Diagnosis:
    return Diagnosis(
        f"{context.actor} fails: {context.failure.sqlstate} {context.failure.message}",
        context.failure.hint or "Correct the statement in the finding.",
    )


_CAUSES: dict[str, Callable[[FailureContext], Diagnosis]] = {
    "42501": _permission,
    "42P01": _missing_table,
    "42883": _missing_function,
    "42704": _missing_type,
    "42703": _missing_column,
    "42P10": _unmatched,
    "23502": _null,
    "23503": _unreferenced,
    "23505": _taken,
    "23514": _unchecked,
    "22P02": _unreadable,
    "22001": _too_long,
    "57014": _cancelled,
    "P0001": _raised,
}
