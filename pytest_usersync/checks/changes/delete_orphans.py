"""US206: a user goes, and the profile stays."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import named, quoted
from ...model.sync import Target
from ...probes import cause_keys
from ...probes.lifecycle import deletes, forgotten_values, references
from ...probes.lifecycle.references import Reference
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US206",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="Deleted users: the profile stays",
    cause=cause_keys.DELETION,
    needs=Needs.PROFILE,
    cases=("email-autoconfirm", "phone-autoconfirm", "anonymous"),
    shared_database=True,
)
def delete_orphans(context: CheckContext) -> Iterable[Finding]:
    """A hard delete leaves no profile row.

    Without a foreign key to `auth.users`, a table does not notice the delete. The row stays
    forever: it appears in lists and counts, holds personal data of a deleted user, and keeps their
    email or username taken. With a foreign key `on delete set null`, the row stays too, and nobody
    knows whose it was. A trigger on DELETE that searches by `old.email` finds no row of a phone
    user.

    Add a foreign key to `auth.users (id)` with `on delete cascade`. If a foreign key is impossible
    (text ids, a profile that is written before its user), delete the row in an `after delete`
    trigger. If profiles should stay, set `usersync_hard_delete = keep`. A table into which the
    delete itself inserts a row is a log, and no finding.
    """
    if context.policies.hard_delete == "keep":
        raise NotApplicable("only for usersync_hard_delete = remove")
    if context.policies.hard_delete == "refuse":
        raise NotApplicable("only for usersync_hard_delete = remove")
    user = context.with_profile(context.signup)
    before = {
        t: (_rows(context, t), len(context.profiles(t, user.id))) for t in context.sync.targets
    }
    deletes.deleted(context, user)
    left = [t for t, (rows, own) in before.items() if rows - own < _rows(context, t) <= rows]
    keys = references.every(context) if left else []
    for target in left:
        if not _goes_with_another(target, left, keys):
            yield _finding(context, target, user.id, keys)


def _rows(context: CheckContext, target: Target) -> int:
    return int(context.query(f"select count(*) as rows from {named(target.table)}")[0]["rows"])


def _goes_with_another(target: Target, left: Iterable[Target], keys: Iterable[Reference]) -> bool:
    """Tell whether the row would go if another one that is left behind did."""
    others = {other.table for other in left} - {target.table}
    mine = (key for key in keys if key.table == target.table and key.deleting == "c")
    return any(key.referenced in others for key in mine)


def _finding(
    context: CheckContext, target: Target, user_id: UUID, keys: list[Reference]
) -> Finding:
    table, key = named(target.table), quoted(target.key)
    where, whose = f"{key} = '{user_id}'", "the user's row"
    if not context.profiles(target, user_id):
        where, whose = f"{key} is null", f"the user's row, with {target.key} NULL,"
    found = f"select * from {table} where {where}"
    script = context.shortest(user_id, lambda seen: seen.query(found))
    return Finding(
        summary=f"after a hard delete of a user from {context.signup.title}, {whose} stays in"
        f" {target.table}",
        sql=f"{script}reset session authorization;\n{found};\n",
        remedy=forgotten_values.delete_with_user(context, target, keys),
        location=context.places.column(target.table, target.key),
    )
