"""US205: a user cannot be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from ...auth import User
from ...diagnosis.causes import Diagnosis
from ...model.finding import (
    ClientView,
    Failure,
    Finding,
    Level,
    Location,
    NotApplicable,
    NotJudged,
    Severity,
)
from ...probes.lifecycle import deletes, owned_rows, references
from ...probes.lifecycle.owned_rows import OwnedRow
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME

IN_USE = "in-use"
ORDINARY = BY_NAME["email-autoconfirm"]


@check(
    "US205",
    level=Level.ERROR,
    severity=Severity.SIGNUP_FAILS,
    symptom="Deletion fails: {cases}",
    needs=Needs.PROFILE,
    cases=("email-autoconfirm", "phone-autoconfirm", "anonymous", IN_USE),
)
def delete_blocked(context: CheckContext) -> Iterable[Finding]:
    """A hard delete succeeds.

    Supabase Auth deletes the row of `auth.users` and leaves the rest to the database. A table that
    refers to it without `on delete cascade` (or `set null`) prevents the delete: the dashboard and
    `auth.admin.deleteUser()` show 500 "Database error deleting user". A table that refers to the
    profile does the same when the profile is deleted too: a user who has written one post can never
    be deleted. New users show no problem, so nobody notices. Other causes are `on delete set null`
    on a NOT NULL column, and a trigger on DELETE that fails: it runs as `supabase_auth_admin` and
    does not find a table, or it archives an email that a phone user does not have.

    The case `in-use` inserts a row into every table that refers to a user or to a profile, directly
    or over other tables, if the catalog says what the row needs.

    Choose for each foreign key what happens to the row. If users must not be deleted, for example
    users with open invoices, set `usersync_hard_delete = refuse` and use soft deletes.
    """
    if context.policies.hard_delete == "refuse":
        raise NotApplicable("only for usersync_hard_delete = remove or keep")
    signup = ORDINARY if context.case == IN_USE else context.signup
    user = context.with_profile(signup)
    rows = _furnished(context, user) if context.case == IN_USE else ()
    if rows:  # what fails without them is another case's finding
        sent = context.sent
        deletes.deleted(context, context.with_profile(signup))
        context.sent = sent
    try:
        deletes.delete(context, user)
    except SignupRefused as refusal:
        yield _finding(context, user, refusal, rows)


def _furnished(context: CheckContext, user: User) -> tuple[OwnedRow, ...]:
    owned = owned_rows.insert_owned_rows(context, user, context.person())
    if owned.rows:
        return owned.rows
    for key, failure in owned.refused:
        if key.blocks:
            raise NotJudged(f"no row could be inserted into {key.table}: {failure.message}")
    raise NotApplicable("no other table can refer to the user")


def _finding(
    context: CheckContext, user: User, refusal: SignupRefused, rows: tuple[OwnedRow, ...]
) -> Finding:
    error = refusal.error
    failure = deletes.cause(context, refusal)
    view = ClientView(error.status, error.code, error.message)
    if failure is None:
        return context.refusal(None, refusal.script, "a hard delete is refused", view)
    first, *others = _causes(context, user, failure)
    needed, shown = _shown(context, user, failure, rows)
    having = " and ".join(f"a row in {one.reference.table}" for one in needed)
    who = f"a user with {having}" if having else f"a user from {context.signup.title}"
    more = "".join(f"; then {one.cause}" for one in others)
    return Finding(
        summary=f"{who} cannot be deleted: {first.cause}{more}",
        sql=shown,
        remedy="".join(f"{one.remedy.rstrip()}\n" for one in (first, *others)),
        failure=failure,
        location=failure.location or _place(context, failure),
        client=view,
    )


def _place(context: CheckContext, failure: Failure) -> Location | None:
    """Return where the foreign key is written that is in the way."""
    keys = references.leading_to_users(context, references.every(context))
    key = deletes.refusing_key(failure, keys)
    return context.places.constraint(key.name, key.table, key.columns[0]) if key else None


def _causes(context: CheckContext, user: User, failure: Failure) -> Iterator[Diagnosis]:
    """Yield what is in the way, one after the other, each with the ones before it mended."""
    keys = references.leading_to_users(context, references.every(context))
    connection = context.connect()
    with connection.transaction(force_rollback=True):
        said: Failure | None = failure
        while said is not None:
            told = deletes.diagnose_delete(context, said, keys)
            yield told
            if deletes.refusing_key(said, keys) is None:
                return
            connection.execute(told.remedy.encode())
            said = context.attempt(partial(deletes.delete_open, connection, user))


def _shown(
    context: CheckContext, user: User, failure: Failure, rows: Sequence[OwnedRow]
) -> tuple[Sequence[OwnedRow], str]:
    """Return the fewest rows with which the delete is refused in the same way, and the SQL."""
    held: list[bool] = []

    def refused(spare: CheckContext, script: str) -> bool:
        spare.execute(script)
        said = spare.attempt(partial(deletes.delete_open, spare.session(), user))
        if said is None or (said.sqlstate, said.message) != (failure.sqlstate, failure.message):
            return False
        held.append(True)
        return True

    for some in [*(_chain(row, rows) for row in rows), rows]:
        script = "reset session authorization;\n" + "".join(row.script for row in some)
        shown = context.shortest(user.id, partial(refused, script=script))
        if held:
            break
    return some, f"{shown}{script if some else ''}{deletes.script(user)}"


def _chain(row: OwnedRow, rows: Sequence[OwnedRow]) -> list[OwnedRow]:
    """Return a row and those that it refers to, in the order in which they are written."""
    before = next((one for one in rows if one.reference.table == row.reference.referenced), None)
    if before is None or before == row:
        return [row]
    return [*_chain(before, rows[: rows.index(row)]), row]
