"""US608: strangers read what the monitoring knows."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes import cause_keys
from ...probes.monitoring.exposed_answers import read_answers, requester, revoke_from_users
from ...runner.check import check
from ...runner.context import CheckContext
from ...runner.requests import minimal_claims, script

CASES = ("anon", "another-user")


@check(
    "US608",
    level=Level.ERROR,
    symptom="Data exposed: app users can call the monitoring",
    cause=cause_keys.OPEN_MONITORING,
    cases=CASES,
    shared_database=True,
)
def monitoring_exposed(context: CheckContext) -> Iterable[Finding]:
    """`anon` and `authenticated` cannot read other users' data through monitoring functions, logs
    and views.

    A list of ghost users is a list of emails, and it ignores row level security: that is why the
    function is `security definer`. Every function in `public` is an endpoint of the API. Everybody
    with the app's key can call it, unless a migration revokes EXECUTE from `public`, `anon` and
    `authenticated`: each of them has its own grant. A new table is just as open, and a view reads
    with its owner's rights. A log that shows when the sync failed should not be public either.
    """
    told = requester(context, signed_in=context.case == "another-user")
    found = list(read_answers(told))
    if not found:
        return
    closed = revoke_from_users(told)
    functions = [one for one in found if one.remedy.startswith("revoke execute")]
    others = [one.remedy for one in found if one not in functions or not closed]
    who = "any signed-in user" if context.case == "another-user" else "anyone with the anon key"
    yield Finding(
        summary=f"{who} can list {', '.join(one.what for one in found)}",
        sql=told.sql + script(minimal_claims(told.told), "".join(one.statement for one in found)),
        remedy=closed + "".join(others),
        location=context.places.opened(found[0].thing, (str(told.told["role"]), "public")),
    )
