"""US206: a user goes, and the profile stays."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import named, quoted
from ...model.sync import Target
from ...probes.lifecycle import deletes, forgotten_values, references
from ...probes.lifecycle.references import Reference
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US206",
    level=Level.ERROR,
    needs=Needs.PROFILE,
    cases=("email-autoconfirm", "phone-autoconfirm", "anonymous"),
    shared_database=True,
)
def delete_orphans(context: CheckContext) -> Iterable[Finding]:
    """A hard delete leaves no profile row behind.

    A table without a foreign key to `auth.users` does not hear of the delete. The row stays for
    ever: it shows up in lists and counts, holds the personal data of somebody who asked to be
    deleted, and blocks the address or the name for whoever comes next. The same row stays, and
    nobody knows whose it was, behind a foreign key that says `on delete set null`. A trigger on
    the delete that looks for `old.email` finds nobody who signed up by phone.

    Tie the key to `auth.users (id)` with `on delete cascade`; where a foreign key cannot be (ids
    that are text, a profile that is written before its user), let an `after delete` trigger remove
    the row. Where profiles stay on purpose, say `usersync_hard_delete = keep`. A table into which
    the delete itself writes a row is a log, and no finding.
    """
    if context.policies.hard_delete == "keep":
        raise NotApplicable("a profile is meant to stay when its user goes")
    if context.policies.hard_delete == "refuse":
        raise NotApplicable("a user is not meant to be deleted")
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
    where, whose = f"{key} = '{user_id}'", "the row with the id of the deleted user"
    if not context.profiles(target, user_id):
        where, whose = f"{key} is null", f"the deleted user's row, without {target.key},"
    found = f"select * from {table} where {where}"
    script = context.shortest(user_id, lambda seen: seen.query(found))
    return Finding(
        summary=f"a hard delete of a user made by {context.signup.title} leaves {whose} in"
        f" {target.table}",
        sql=f"{script}reset session authorization;\n{found};\n",
        remedy=forgotten_values.along(context, target, keys),
    )
