"""Deleting a user in a context, and what the database says to it."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Error

from ...auth import SupabaseAuth, User
from ...diagnosis import causes
from ...diagnosis.causes import Diagnosis
from ...diagnosis.failure_context import FailureContext
from ...model.finding import Failure, NotJudged
from ...model.quoting import named, quoted
from ...model.sync import Sync
from ...postgres.database import Connection
from ...runner import lifecycle
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from .references import Reference


def delete(context: CheckContext, user: User, *, soft: bool = False) -> None:
    """Delete a user as an admin does, and remember it, unless that is refused (``Refused``)."""
    before = context.sent
    try:
        lifecycle.act(context, _soft if soft else _hard, user)
    except SignupRefused:
        context.sent = before
        raise


def _hard(auth: SupabaseAuth, user: User) -> User:
    auth.admin.delete_user(user)
    return user


def _soft(auth: SupabaseAuth, user: User) -> User:
    auth.admin.delete_user(user, soft=True)
    return user


def deleted(context: CheckContext, user: User, *, soft: bool = False) -> None:
    """Delete a user where another check judges whether that is possible."""
    try:
        delete(context, user, soft=soft)
    except SignupRefused as refusal:
        way, code = ("soft", "US203") if soft else ("hard", "US205")
        raise NotJudged(f"a {way} delete fails ({code}): {refusal.error}") from refusal


def script(user: User) -> str:
    """Return what Supabase Auth does to delete the user, as SQL."""
    return (
        "set session authorization supabase_auth_admin;\n"
        f"delete from auth.users where id = '{user.id}';\n"
    )


def delete_open(connection: Connection, user: User) -> None:
    """Delete the user in an open transaction of the harness, so that it can be taken back."""
    with connection.transaction():
        connection.execute("set local role supabase_auth_admin")
        connection.execute("delete from auth.users where id = %s", [user.id])
        connection.execute("set constraints all immediate; reset role")


def cause(context: CheckContext, refusal: SignupRefused) -> Failure | None:
    """Return what the database said, if it was the database that refused."""
    error = refusal.error.__cause__
    return context.failure(error) if isinstance(error, Error) else None


def diagnose_delete(
    context: CheckContext, failure: Failure, keys: Sequence[Reference]
) -> Diagnosis:
    """Return why the database refuses a delete, in the project's own names, and what to change.

    Args:
        keys: the foreign keys that lead to the user.
    """
    if key := refusing_key(failure, keys):
        return _emptied(key) if failure.sqlstate == "23502" else _kept(key, context.sync)
    if failure.sqlstate == "P0001":
        failure_context = FailureContext(failure, context.sync, context.query)
        return Diagnosis(
            f'{failure_context.actor} raises its own exception: "{failure.message}"',
            f"Remove the RAISE from {failure_context.actor}. If no user may be deleted, set"
            " usersync_hard_delete = refuse.",
        )
    return causes.diagnose(failure, context.sync, None, context.query)


def refusing_key(failure: Failure, keys: Sequence[Reference]) -> Reference | None:
    """Return the foreign key that refuses a delete, or that empties a column it may not empty."""
    if failure.sqlstate == "23503":
        said = (key for key in keys if _said(failure, key.name) and _said(failure, key.table.name))
        return next(said, None)
    if failure.sqlstate == "23502" and "PL/pgSQL" not in failure.context:
        emptied = (key for key in keys if key.deleting in "nd" and _said(failure, key.table.name))
        return next((key for key in emptied if _said(failure, key.columns[0])), None)
    return None


def _said(failure: Failure, name: str) -> bool:
    return f'"{name}"' in failure.message


def _kept(key: Reference, sync: Sync) -> Diagnosis:
    own = any((key.table, key.columns) == (t.table, (t.key,)) for t in sync.targets)
    action, other = "cascade", ""
    if not own and key.nullable:
        action, other = "set null", "-- or `on delete cascade`, to delete the row too\n"
    elif not own:
        other = "-- or make the column nullable and use `on delete set null`, to keep the row\n"
    columns = ", ".join(map(quoted, key.columns))
    return Diagnosis(
        f"{named(key.table)} ({columns}) refers to {named(key.referenced)} by {quoted(key.name)},"
        " which forbids the delete",
        key.on_delete(action) + other,
    )


def _emptied(key: Reference) -> Diagnosis:
    table, column = named(key.table), quoted(key.columns[0])
    return Diagnosis(
        f"{quoted(key.name)} sets {table}.{column} to NULL on delete, but the column is NOT NULL",
        key.on_delete("cascade") + "-- or, to keep the row without its user:\n"
        f"-- alter table {table} alter column {column} drop not null;\n",
    )
