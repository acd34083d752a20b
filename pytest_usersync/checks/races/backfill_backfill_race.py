"""US305: the backfill is started twice."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import named, quoted
from ...probes import cause_keys
from ...probes.races.aftermath import errors, left
from ...probes.races.backfill_race import POLITE, backfill, expect_filled, ghost
from ...probes.races.signup_race import SignupRace
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US305",
    level=Level.ERROR,
    severity=Severity.MAINTENANCE,
    symptom="Backfill: it runs twice at the same time",
    cause=cause_keys.BACKFILL,
    needs=Needs.PROFILE,
)
def backfill_backfill_race(context: CheckContext) -> Iterable[Finding]:
    """Two backfills at the same time give the same result as one.

    A backfill takes long, and somebody starts it again; or the scheduler does. `where not exists
    (select … from profiles …)` does not help: neither run sees the uncommitted rows of the other.
    With a unique key, the later run waits for the first one and then fails. Without a unique key,
    every ghost user gets two profiles.

    End the insert with `on conflict (id) do nothing`, or allow only one run at a time: `if not
    pg_try_advisory_lock(…) then return`. A backfill that refuses the second run with its own
    message is no finding.
    """
    meeting = SignupRace(context, alike=True)
    routine = backfill(context, meeting, "first", "second")
    if routine.once:
        raise NotApplicable(f"{routine.origin} runs only once, in its migration")
    lost = [ghost(context, meeting), ghost(context, meeting)]
    alone = meeting.alone()
    expect_filled(context, alone, lost)
    profile = context.sync.profile
    for outcome in meeting.outcomes(alone):
        failed = next((n for n, told in errors(outcome) if told.sqlstate not in POLITE), "")
        doubles = [user for user in lost if left(outcome, profile, user.id) != 1]
        if failed or doubles:
            what = (
                "the later one fails"
                if failed
                else f"{profile.table} does not have one row for each user"
            )
            yield meeting.finding(
                outcome,
                f"{routine.origin} runs twice at the same time, and {what}",
                f"-- {quoted(profile.key)} needs a primary key or a unique constraint; if it has"
                f" none:\n-- alter table {named(profile.table)} add unique"
                f" ({quoted(profile.key)});\n"
                f"-- end the insert into {named(profile.table)} with:\n"
                f"on conflict ({quoted(profile.key)}) do nothing",
                of=failed,
                ending=""
                if failed
                else f"select {quoted(profile.key)}, count(*) from {named(profile.table)}"
                f" group by {quoted(profile.key)} order by 2 desc;",
            )
            return
