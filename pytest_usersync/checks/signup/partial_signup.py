"""US114: a signup that goes half through."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import named, showing
from ...model.sync import Table
from ...probes import cause_keys
from ...probes.signup.failing_table import ObservedSignup, handler, observe_signup, tables
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check(
    "US114",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="Users lost: a signup succeeds although one of its rows is refused",
    needs=Needs.PROFILE,
)
def partial_signup(context: CheckContext) -> Iterable[Finding]:
    """A signup fills all of its tables, or it fails.

    A trigger that writes a profile, an account and a membership does so in the signup's
    transaction. If one row is refused, nothing stays, unless a handler catches the error.
    `exception when others then return new`, or a `raise warning` in its place, lets the user in
    without the row. Then there are users with a profile but no account, or with no profile, and
    nobody notices. A row can be refused at any time: a migration adds a column, a right is revoked,
    a table is locked.

    The check makes each table in turn refuse its rows. Remove the handler, or end it with `raise;`.
    If the app can work without the rows and something repairs them later, set
    `usersync_sync_failure = allow`, and record each failure (US115).
    """
    if context.policies.sync_failure != "block":
        raise NotApplicable("only for usersync_sync_failure = block")
    good = observe_signup(context)
    told: set[frozenset[Table]] = set()
    for table in (one for one in tables(context) if one in good.gained):
        try:
            bad = observe_signup(context, table)
        except SignupRefused:
            continue
        missing = frozenset(good.gained) - frozenset(bad.gained)
        if missing and missing not in told:
            told.add(missing)
            yield _finding(context, table, bad, sorted(missing, key=str), good)


def _finding(
    context: CheckContext,
    table: Table,
    bad: ObservedSignup,
    missing: list[Table],
    good: ObservedSignup,
) -> Finding:
    kept = sorted(str(one) for one in good.gained if one not in missing)
    rest = f"fills only {', '.join(kept)}" if kept else "leaves no row"
    others = [str(one) for one in missing if one != table]
    lost = f", with no row in {', '.join(others)} either" if others and kept else ""
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
        summary=f"a signup succeeds although {table} refuses its row, and {rest}{lost}: {who}"
        f" swallows the error{said}",
        sql=script + shown,
        remedy=f"Remove the exception handler from {who}, or end it with `raise;`.",
        location=context.places.routine(who, "when others") or context.places.write(table),
        cause=cause_keys.handler(who),
    )


def _lacks(user_id: UUID, missing: list[Table], seen: CheckContext) -> bool:
    targets = [one for one in seen.sync.targets if one.table in missing]
    return not any(seen.profiles(one, user_id) for one in targets)
