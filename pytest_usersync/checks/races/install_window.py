"""US308: somebody signs up while the migrations are applied."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, Location
from ...probes.races.window_sql import sql_of
from ...probes.races.windows import Deployment, Window, deployed, windows
from ...runner.check import Needs, check
from ...runner.context import CheckContext

LOCK = "lock table auth.users in share row exclusive mode;"


@check("US308", level=Level.ERROR, needs=Needs.PROFILE)
def install_window(context: CheckContext) -> Iterable[Finding]:
    """Users who sign up while the migrations are applied all have a profile afterwards.

    A deployment does not stop the app. A backfill fills those who are there when it runs, and the
    trigger catches those who come once it is there: whoever comes in between is lost for good. So
    it is when the backfill comes first, in a file of its own or in the trigger's; when one file
    drops a trigger and the next one makes it again; when the transaction of the backfill sees only
    what was there when it began. `create trigger` itself waits for those who are signing up, and
    whoever signs up then waits for the end of its file.

    The migrations are applied once more to a database without any, file by file as the Supabase CLI
    does it. Wherever it can matter, between the files and between their statements, two people sign
    up: one at once; the other has inserted the user and commits when the migration waits for it, or
    when the file ends. Whoever has no profile in the end is lost if somebody who came earlier has
    one. Those who were there before the first who has one are lost to nobody: a project need not
    fill. A backfill that people call, as a function, is run behind the last migration, as a
    deployment does.

    Not judged: what `usersync_load` does, and what comes inside of a dump or of a file that is
    applied by hand. Nobody signs up before a file that applies only where there are no users.

    Make the trigger first and fill then, in the next file: `insert … select … on conflict do
    nothing`. Replace a trigger with `create or replace trigger`, or drop and make it in one file.
    """
    deployment = deployed(context)
    for window in windows(context, deployment):
        yield Finding(
            summary=_summary(context, deployment, window),
            sql=sql_of(context, deployment, window),
            remedy=_remedy(context, deployment, window),
            location=_place(context, deployment, window),
        )


def _summary(context: CheckContext, deployment: Deployment, window: Window) -> str:
    place = _place(context, deployment, window)
    where = f"behind {place}" if place else "before the first migration"
    who = f"whoever signs up {where}"
    if window.arrival.stayed or window.arrival.waited:
        who = f"whoever is signing up {where}, while the migration goes on,"
    steps, switches = len(window.acts), len(window.acts) - len(set(window.acts))
    many = "1 switch" if switches == 1 else f"{switches} switches"
    return (
        f"{who} has no profile, and who came earlier has one: {_made(context)}"
        f" (2 sessions, {steps} steps, {many})"
    )


def _place(context: CheckContext, deployment: Deployment, window: Window) -> Location | None:
    """Return the statement behind which the signup came."""
    moment = window.arrival.moment
    if moment.migration is None:
        return None
    known = deployment.known.get(moment.migration.path)
    statements = moment.migration.statements
    if known:
        statements = known.statements if moment.committed else known.statements[: moment.done]
    place = statements[-1].place() if statements else (1, 1)
    return context.subject.project.location(moment.migration, *place)


def _made(context: CheckContext) -> str:
    """Say where the trigger is made that comes too late."""
    made = [
        f"{one.name} is made in {one.location}"
        for one in context.sync.triggers
        if one.name in context.sync.profile.written_by and one.location
    ]
    return made[0] if made else "the trigger comes too late"


def _remedy(context: CheckContext, deployment: Deployment, window: Window) -> str:
    made = _made(context)
    last = window.until.moment.migration
    known = deployment.known.get(last.path) if last else None
    if known and known.isolated:
        told = (
            "-- let the file see what is committed meanwhile (read committed); or begin it with a"
            f" lock:\n-- {LOCK}"
        )
    elif window.arrival.lost:
        names = ", ".join(sorted(window.arrival.lost))
        told = (
            f"-- replace {names}, which nobody can slip through: create or replace trigger …\n"
            "-- or drop and make it in one file"
        )
    else:
        told = f"-- fill behind the trigger, not before: {made}"
    fill = deployment.fill
    if fill is None or not fill.once:
        return told
    return (
        f"{told}\n-- where that is deployed already, fill once more, behind all migrations:\n"
        f"-- once, in a migration of its own:\n{fill.sql.rstrip().rstrip(';')};"
    )
