"""US211: a sign-in writes the profile again, and nothing about it is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...auth import User
from ...auth.channel import Sent
from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import named, quoted
from ...probes import cause_keys
from ...probes.lifecycle import needless_updates
from ...probes.lifecycle.needless_updates import RewrittenRow
from ...runner import lifecycle, shrink_history
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME, Change

REFRESH = BY_NAME["refresh"]


@check(
    "US211",
    level=Level.WARNING,
    severity=Severity.MAINTENANCE,
    symptom="Cost: a sign-in that changes nothing rewrites the profile",
    needs=Needs.PROFILE,
    cases=("refresh", "password-sign-in", "oauth-sign-in"),
    shared_database=True,
)
def needless_rewrite(context: CheckContext) -> Iterable[Finding]:
    """A sign-in or token refresh that changes no relevant value does not rewrite the profile.

    Supabase Auth updates `auth.users` at every sign-in and at every token refresh, which clients do
    once an hour. Many columns are written with the same value. A trigger `after update on
    auth.users` without a condition rewrites the profile each time. That costs a dead row version
    and work for vacuum, an `updated_at` that shows sign-ins, an event for every Realtime client,
    and a row lock that user edits must wait for. `after update of email` is not enough: it fires
    when the column is written, even with the same value.

    Add a condition to the trigger: `when (old.email is distinct from new.email)`. A column that
    records sign-ins is relevant, and so is a copy of `last_sign_in_at` or `updated_at`.
    """
    if not needless_updates.triggers(context):
        raise NotApplicable("no trigger runs after an update of auth.users")
    change = BY_NAME[context.case]
    user = lifecycle.with_profile(context, change)
    before = context.sent
    rewritten = needless_updates.needless_rewrites(context, change, user)
    if change != REFRESH and any(one.moved for one in rewritten):
        # What a refresh leaves alone may be meant to tell of sign-ins.
        sent = context.sent
        again = {one.target for one in needless_updates.needless_rewrites(context, REFRESH, user)}
        context.sent = sent
        rewritten = [one for one in rewritten if not one.moved or one.target in again]
    for one in rewritten:
        yield _finding(context, change, user, before, one)


def _finding(
    context: CheckContext, change: Change, user: User, before: Sequence[Sent], one: RewrittenRow
) -> Finding:
    table, key = named(one.target.table), quoted(one.target.key)
    where = f"{key} = '{user.id}'"
    noted = f"create temporary table noted as select ctid as place from {table} where {where};\n"
    compared = (
        f"select n.place as before, p.ctid as after, p.* from {table} as p cross join noted as n"
        f" where p.{where} and p.ctid <> n.place"
    )
    script = shrink_history.shortest(
        context, user.id, before, noted, lambda seen: seen.query(compared)
    )
    moved = f"only {' and '.join(one.moved)} changes" if one.moved else "no column changes"
    return Finding(
        summary=f"{change.title} rewrites the row of {one.target.table}, although {moved}",
        sql=f"{script}reset session authorization;\n{compared};\n",
        remedy=needless_updates.conditions(context, user, one.target),
        location=context.places.write(one.target.table, later=True),
        cause=cause_keys.rewrites(one.target.table),
    )
