"""US606: strangers read the address, the number or the metadata of a user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from ...auth import Json
from ...model.finding import Finding, Level
from ...probes import cause_keys
from ...probes.security.exposed_relations import relations
from ...probes.security.exposure import (
    Exposure,
    exposures,
    needles,
    read,
    refreshing,
    showing_all,
    sign_up_victim,
)
from ...probes.security.exposure_remedy import cause, place, remedy
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.requests import arrival, claims, minimal_claims, other_users_claims, request, script
from ...scenarios.signups import BY_NAME

CASES = ("anon", "another-user")


@check(
    "US606",
    level=Level.ERROR,
    symptom="Data exposed: others can read users' personal data",
    needs=Needs.PROFILE,
    cases=CASES,
)
def profile_exposed(context: CheckContext) -> Iterable[Finding]:
    """`anon` and other users cannot read a user's personal data (copies of email, phone or the
    whole metadata; a display name, username or avatar is public) through the tables and views that
    the sync fills.

    The `anon` key is in every copy of the app. On a table in `public`, `anon` and `authenticated`
    have all rights by default; only row level security limits what they read. If it is off, one
    request downloads the email of every user. If it is on, the usual mistake is the policy of a
    public profile, `for select using (true)`: right for names and pictures, until the table gets a
    column for the email. A view bypasses every policy, because it reads with its owner's rights
    unless it is `security_invoker`. A materialized view has no policies. The check ignores schemas
    that PostgREST does not serve.

    Let users read their own row. Give others the public columns by column privileges, or in a
    separate table. A user's own email is in the session anyway.
    """
    before, told = _asking(context)
    readable = relations(context, str(told["role"]))
    if not readable:
        return
    victim = sign_up_victim(context)
    if refreshed := refreshing(readable):
        context.attempt(lambda: context.execute(refreshed))
    stranger = before[-1] if before else None
    with request(context, stranger) as connection:
        wanted = needles(context, victim.id)
        found = read(connection, context.sync, readable, wanted, victim.id)
    for exposure in found:
        yield _finding(context, exposure, victim.id, before, told)


def _asking(context: CheckContext) -> tuple[list[UUID], dict[str, Json]]:
    """Return who has signed up to ask, with somebody before: the first one may be an admin."""
    if context.case == "anon":
        return [], claims(context)
    before = [context.require_signup(BY_NAME["email-autoconfirm"]).id for _ in range(2)]
    return before, claims(context, before[-1])


def _finding(
    context: CheckContext,
    exposure: Exposure,
    victim: UUID,
    before: list[UUID],
    told: Mapping[str, Json],
) -> Finding:
    table = exposure.relation.table
    refreshed = refreshing([exposure.relation])

    def broken(seen: CheckContext) -> bool:
        return exposure in exposures(seen, token, victim, refreshed)

    setup = ""
    token: Mapping[str, Json] = other_users_claims(victim) if before else minimal_claims(told)
    if not broken(context):
        setup = "".join(arrival(context, user_id) for user_id in before)
        token = minimal_claims(told)
    if not broken(context):
        token = told
    shown = context.shortest(victim, broken, setup)
    who = "anyone with the anon key" if context.case == "anon" else "any signed-in user"
    return Finding(
        summary=f"{who} can read {exposure.words} of every user from {table}"
        f" ({', '.join(exposure.columns)}): {cause(context, exposure, victim, told)}",
        sql=shown + script(token, showing_all(exposure)).replace("begin;", refreshed + "begin;"),
        remedy=remedy(context, exposure, victim, told),
        location=place(context, exposure, victim, told),
        cause=cause_keys.rights(table),
    )
