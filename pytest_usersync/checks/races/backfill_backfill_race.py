"""US305: the backfill is started twice."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import named, quoted
from ...probes.races.aftermath import errors, left
from ...probes.races.backfill_race import POLITE, backfill, expect_filled, ghost
from ...probes.races.signup_race import Meeting
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check("US305", level=Level.ERROR, needs=Needs.PROFILE)
def backfill_backfill_race(context: CheckContext) -> Iterable[Finding]:
    """Two backfills at once equal one.

    A backfill takes long, somebody thinks that it hangs, or the scheduler starts it once more.
    `where not exists (select … from profiles …)` does not help: neither of the two sees what the
    other has not committed yet. With a unique key the later one fails, after it has waited for the
    first; without one every ghost gets two profiles.

    End the insert with `on conflict (id) do nothing`, or let one run at a time: `if not
    pg_try_advisory_lock(…) then return`. To refuse the second run in words of one's own is no
    finding.
    """
    meeting = Meeting(context, alike=True)
    routine = backfill(context, meeting, "first", "second")
    if routine.once:
        raise NotApplicable(f"{routine.origin} runs once, with its migration")
    lost = [ghost(context, meeting), ghost(context, meeting)]
    alone = meeting.alone()
    expect_filled(context, alone, lost)
    profile = context.sync.profile
    for outcome in meeting.outcomes(alone):
        failed = next((n for n, told in errors(outcome) if told.sqlstate not in POLITE), "")
        doubles = [user for user in lost if left(outcome, profile, user.id) != 1]
        if failed or doubles:
            what = "the later one fails" if failed else f"{profile.table} has not one row a user"
            yield meeting.finding(
                outcome,
                f"{routine.origin} runs twice at once, and {what}",
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
