"""US608: strangers read what the monitoring knows."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes.monitoring.exposed_answers import heard, open_functions, scene
from ...runner.check import check
from ...runner.context import CheckContext
from ...runner.requests import script, short

CASES = ("anon", "another-user")


@check("US608", level=Level.ERROR, cases=CASES, shared_database=True)
def monitoring_exposed(context: CheckContext) -> Iterable[Finding]:
    """`anon` and `authenticated` cannot read other people's data through monitoring functions, logs
    and views.

    A list of ghosts is a list of addresses, read past row level security: that is why the function
    is `security definer`. In `public` every function is an endpoint of the API, and open to whoever
    has the key that is in the app, unless a migration takes EXECUTE away from `public`, `anon` and
    `authenticated`: each of them has it by a grant of its own. A new table is as open, and a view
    reads with its owner's rights. A log that shows when the sync was down is nobody's business
    either.
    """
    told = scene(context, signed_in=context.case == "another-user")
    found = list(heard(told))
    if not found:
        return
    closed = open_functions(told)
    functions = [one for one in found if one.remedy.startswith("revoke execute")]
    others = [one.remedy for one in found if one not in functions or not closed]
    who = "any user" if context.case == "another-user" else "whoever has the anon key"
    yield Finding(
        summary=f"{who} reads {', '.join(one.what for one in found)}",
        sql=told.sql + script(short(told.told), "".join(one.statement for one in found)),
        remedy=closed + "".join(others),
    )
