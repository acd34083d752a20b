"""US308: somebody signs up while the migrations are applied."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level, Location, Severity
from ...probes import cause_keys
from ...probes.races.window_sql import sql_of
from ...probes.races.windows import Deployment, Window, deploy_with_signups, windows
from ...runner.check import Needs, check
from ...runner.context import CheckContext

LOCK = "lock table auth.users in share row exclusive mode;"


@check(
    "US308",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="No profile: users who sign up during the deployment",
    cause=cause_keys.DEPLOYMENT,
    needs=Needs.PROFILE,
)
def install_window(context: CheckContext) -> Iterable[Finding]:
    """Users who sign up while the migrations are applied all have a profile afterwards.

    The app runs during a deployment. A backfill fills the users that exist when it runs, and the
    trigger serves the users who sign up after it is created. A user who signs up in between never
    gets a profile. This happens if the backfill comes first, in its own file or in the trigger's
    file; if one file drops a trigger and the next one creates it again; or if the backfill's
    transaction sees only the rows that existed when it began. `create trigger` waits for open
    signups, and new signups then wait for the end of the file.

    The check applies the migrations again to an empty database, file by file, as the Supabase CLI
    does. Between the files, and between their statements where it can matter, two users sign up:
    one commits at once; the other has inserted the user and commits when the migration waits for
    it, or when the file ends. A user without a profile at the end is a finding if an earlier user
    has one. Users before the first user with a profile are no finding: a project need not have a
    backfill. A backfill that is a function is called after the last migration.

    Not judged: `usersync_load`, the inside of a dump, and files that are applied by hand. No user
    signs up before a file that applies only to a database without users.

    Create the trigger first and run the backfill in the next file: `insert … select … on conflict
    do nothing`. Replace a trigger with `create or replace trigger`, or drop and create it in one
    file.
    """
    deployment = deploy_with_signups(context)
    for window in windows(context, deployment):
        yield Finding(
            summary=_summary(context, deployment, window),
            sql=sql_of(context, deployment, window),
            remedy=_remedy(context, deployment, window),
            location=_place(context, deployment, window),
        )


def _summary(context: CheckContext, deployment: Deployment, window: Window) -> str:
    place = _place(context, deployment, window)
    where = f"after {place}" if place else "before the first migration"
    who = f"a user who signs up {where}"
    if window.arrival.stayed or window.arrival.waited:
        who = f"a user whose signup is open {where}, while the migration runs,"
    steps, switches = len(window.acts), len(window.acts) - len(set(window.acts))
    many = "1 switch" if switches == 1 else f"{switches} switches"
    return (
        f"{who} has no profile, but an earlier user has one: {_made(context)} (2 sessions,"
        f" {steps} steps, {many})"
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
        f"{one.name} is created in {one.location}"
        for one in context.sync.triggers
        if one.name in context.sync.profile.written_by and one.location
    ]
    return made[0] if made else "the trigger is created too late"


def _remedy(context: CheckContext, deployment: Deployment, window: Window) -> str:
    made = _made(context)
    last = window.until.moment.migration
    known = deployment.known.get(last.path) if last else None
    if known and known.isolated:
        told = (
            "-- use read committed in this file, so that it sees new users; or begin it with a"
            " lock:\n"
            f"-- {LOCK}"
        )
    elif window.arrival.lost:
        names = ", ".join(sorted(window.arrival.lost))
        told = (
            f"-- replace {names} without a gap: create or replace trigger …\n"
            "-- or drop and create it in one file"
        )
    else:
        told = f"-- run the backfill after the trigger, not before: {made}"
    fill = deployment.fill
    if fill is None or not fill.once:
        return told
    return (
        f"{told}\n"
        "-- if this is already deployed, run the backfill again after all migrations:\n"
        "-- once, in a separate migration:\n"
        f"{fill.sql.rstrip().rstrip(';')};"
    )
