"""US114: a signup that goes half through."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import named, showing
from ...model.sync import Table
from ...probes.signup.failing_table import Day, day, handler, tables
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check("US114", level=Level.ERROR, needs=Needs.PROFILE)
def partial_signup(context: CheckContext) -> Iterable[Finding]:
    """A signup fills all the tables that it fills on a good day, or fails.

    A trigger that writes a profile, an account and a membership does so in the signup's own
    transaction: when one row is refused, nothing of it stays, unless somebody catches the error.
    `exception when others then return new`, or a `raise warning` in its place, lets the user in
    without the row. What was meant to keep signups going makes users who have a profile and no
    account, or no profile at all, and nobody hears of them. The row is refused one day: by a
    column that a migration added, a right that was revoked, a table that is locked.

    Here each table in turn is made to refuse its rows. Let the error through, or end the handler
    with `raise;`. If the app can do without the rows, and something repairs them later, say
    `usersync_sync_failure = allow`, and keep a record of each failure (US115).
    """
    if context.policies.sync_failure != "block":
        raise NotApplicable(f"usersync_sync_failure = {context.policies.sync_failure}")
    good = day(context)
    told: set[frozenset[Table]] = set()
    for table in (one for one in tables(context) if one in good.gained):
        try:
            bad = day(context, table)
        except SignupRefused:
            continue
        missing = frozenset(good.gained) - frozenset(bad.gained)
        if missing and missing not in told:
            told.add(missing)
            yield _finding(context, table, bad, sorted(missing, key=str), good)


def _finding(
    context: CheckContext, table: Table, bad: Day, missing: list[Table], good: Day
) -> Finding:
    kept = sorted(str(one) for one in good.gained if one not in missing)
    rest = f"fills {', '.join(kept)} alone" if kept else "leaves nothing"
    others = [str(one) for one in missing if one != table]
    lost = f", and no row in {', '.join(others)} either" if others and kept else ""
    said = f"; PostgreSQL sent {bad.warning}" if bad.warning else ""
    target = next(
        (one for one in context.sync.targets if one.table in missing), context.sync.profile
    )
    script = context.shortest(bad.user_id, partial(_lacks, bad.user_id, missing), bad.setup)
    shown = showing(target, bad.user_id)
    if all(one.table not in missing for one in context.sync.targets):
        shown = f"reset session authorization;\nselect * from {named(missing[0])};\n"
    who = handler(context)
    return Finding(
        summary=f"a signup during which {table} refuses its row succeeds and {rest}{lost}:"
        f" {who} swallows the error{said}",
        sql=script + shown,
        remedy=f"Take the exception handler out of {who}, or end it with `raise;`.",
        location=next(
            (t.function_location for t in context.sync.triggers if f"{t.function}()" == who), None
        ),
    )


def _lacks(user_id: UUID, missing: list[Table], seen: CheckContext) -> bool:
    targets = [one for one in seen.sync.targets if one.table in missing]
    return not any(seen.profiles(one, user_id) for one in targets)
