"""US115: a sync that failed and left no word of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import named, showing
from ...model.sync import Table
from ...probes.signup.failing_table import ObservedSignup, observe_signup, records, tables
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check(
    "US115",
    level=Level.WARNING,
    severity=Severity.USERS_LOST,
    symptom="Users lost: a failed sync leaves no record",
    needs=Needs.PROFILE,
)
def failure_unrecorded(context: CheckContext) -> Iterable[Finding]:
    """Under `usersync_sync_failure = allow`, a failed sync leaves a record in a table.

    If a signup succeeds without its profile, the user can sign in but the app does not know them.
    Somebody has to repair that, so somebody has to know. A `raise warning` goes to a log that is
    deleted after a few days and that no query can read. An empty handler records nothing.

    Insert a row in the handler: user id, time and `sqlerrm`. The row belongs to the signup's
    transaction and stays when it commits. Then monitoring can count the rows, and a backfill can
    repair the users.
    """
    if context.policies.sync_failure != "allow":
        raise NotApplicable("only for usersync_sync_failure = allow")
    good, again = observe_signup(context), observe_signup(context)
    went_on = False
    for table in (one for one in tables(context) if one in good.gained):
        try:
            bad = observe_signup(context, table)
        except SignupRefused:
            continue
        went_on = True
        if table not in bad.gained and not records(bad, [good, again]):
            yield _finding(context, table, bad)
    if not went_on:
        raise NotApplicable("a signup fails when its sync fails")


def _finding(context: CheckContext, table: Table, bad: ObservedSignup) -> Finding:
    said = f", only {bad.warning}" if bad.warning else ""
    target = next((one for one in context.sync.targets if one.table == table), None)
    shown = f"reset session authorization;\nselect * from {named(table)};\n"
    return Finding(
        summary=f"a signup succeeds although {table} refuses its row, and no table records"
        f" it{said}",
        sql=context.shortest(bad.user_id, partial(_lacks, bad.user_id, table), bad.setup)
        + (showing(target, bad.user_id) if target else shown),
        remedy="create table if not exists public.sync_failures (\n"
        "    user_id uuid not null,\n"
        "    reason text not null,\n"
        "    happened_at timestamptz not null default now()\n"
        ");\n"
        "alter table public.sync_failures enable row level security;\n"
        "revoke all on public.sync_failures from anon, authenticated;\n"
        "-- and in the exception handler:\n"
        "--     insert into public.sync_failures (user_id, reason) values (new.id, sqlerrm);",
        location=context.places.write(table),
    )


def _lacks(user_id: UUID, table: Table, seen: CheckContext) -> bool:
    return not any(seen.profiles(one, user_id) for one in seen.sync.targets if one.table == table)
