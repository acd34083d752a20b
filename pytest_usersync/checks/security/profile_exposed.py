"""US606: strangers read the address, the number or the metadata of a user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from ... import guarding
from ...auth import Json
from ...check import Needs, check
from ...exposed import Relation, relations
from ...exposure import (
    Exposure,
    exposures,
    needles,
    read,
    refreshing,
    showing_all,
    sign_up_victim,
)
from ...finding import Finding, Level
from ...quoting import named
from ...requests import arrival, claims, nobody, request, script, short
from ...signups import BY_NAME
from ...trial import Trial

CASES = ("anon", "another-user")


@check("US606", level=Level.ERROR, needs=Needs.PROFILE, cases=CASES)
def profile_exposed(trial: Trial) -> Iterable[Finding]:
    """`anon` and other users cannot read a user's personal data (what mirrors email, phone or the
    whole metadata; a display name, username or avatar is public by nature) through the tables and
    views the sync fills.

    The `anon` key is in every copy of the app, and on a table in `public` both `anon` and
    `authenticated` have all rights by default: what they may read is decided by row level security
    alone. Where it is off, anybody downloads the address of every user with one request. Where it
    is on, the usual hole is the policy of a public profile, `for select using (true)`: right for
    names and pictures, until the table gets a column for the email. A view is a hole through any
    policy, since it reads with its owner's rights unless it is `security_invoker`; a materialized
    view knows no policies at all. Schemas that PostgREST does not serve are out of reach.

    Let users read their own row; give the others the public columns by column privileges, or by a
    table of their own. A user's own address is in the session anyway.
    """
    before, told = _asking(trial)
    readable = relations(trial, str(told["role"]))
    if not readable:
        return
    victim = sign_up_victim(trial)
    if refreshed := refreshing(readable):
        trial.attempt(lambda: trial.execute(refreshed))
    stranger = before[-1] if before else None
    with request(trial, stranger) as connection:
        wanted = needles(trial, victim.id)
        found = read(connection, trial.sync, readable, wanted, victim.id)
    for exposure in found:
        yield _finding(trial, exposure, victim.id, before, told)


def _asking(trial: Trial) -> tuple[list[UUID], dict[str, Json]]:
    """Return who has signed up to ask, with somebody before: the first one may be an admin."""
    if trial.case == "anon":
        return [], claims(trial)
    before = [trial.signed_up(BY_NAME["email-autoconfirm"]).id for _ in range(2)]
    return before, claims(trial, before[-1])


def _finding(
    trial: Trial,
    exposure: Exposure,
    victim: UUID,
    before: list[UUID],
    told: Mapping[str, Json],
) -> Finding:
    table = exposure.relation.table
    refreshed = refreshing([exposure.relation])

    def broken(seen: Trial) -> bool:
        return exposure in exposures(seen, token, victim, refreshed)

    setup = ""
    token: Mapping[str, Json] = nobody(victim) if before else short(told)
    if not broken(trial):
        setup = "".join(arrival(trial, user_id) for user_id in before)
        token = short(told)
    if not broken(trial):
        token = told
    shown = trial.shortest(victim, broken, setup)
    who = "whoever has the anon key" if trial.case == "anon" else "any user"
    cause, remedy = _cause(trial, exposure, victim, told), _remedy(trial, exposure, victim, told)
    return Finding(
        summary=f"{who} reads {exposure.words} of every user from {table}"
        f" ({', '.join(exposure.columns)}): {cause}",
        sql=shown + script(token, showing_all(exposure)).replace("begin;", refreshed + "begin;"),
        remedy=remedy,
    )


def _cause(trial: Trial, exposure: Exposure, victim: UUID, told: Mapping[str, Json]) -> str:
    """Return why it can be read: what the catalog says, or the policy without which it cannot."""
    relation = exposure.relation
    if relation.kind == "m":
        return "a materialized view knows no row level security"
    if relation.kind == "v":
        invoking = f"alter view {named(relation.table)} set (security_invoker = true);\n"
        if _closed(trial, exposure, victim, [told], invoking):
            return "the view reads with its owner's rights"
        return "the view reads what they may read themselves"
    if not relation.guarded:
        return "row level security is off"
    letting = _letting(trial, exposure, victim, told)
    names = " and ".join(f'"{one.name}"' for one in letting)
    return f"policy {names} lets them" if names else "row level security does not keep them out"


def _letting(
    trial: Trial, exposure: Exposure, victim: UUID, told: Mapping[str, Json]
) -> list[guarding.Policy]:
    """Return the policies that let it be read: one alone, else all of those about reading."""
    table = exposure.relation.table
    reading = [one for one in guarding.policies(trial, table) if one.covers("select")]
    for one in reading:
        if _closed(trial, exposure, victim, [told], guarding.dropping(table, [one])):
            return [one]
    return reading


def _remedy(trial: Trial, exposure: Exposure, victim: UUID, told: Mapping[str, Json]) -> str:
    """Return the first remedy that really keeps out whoever asked, the anon key, and strangers."""
    asking = [told, nobody(victim), {"role": "anon"}]
    candidates = [*_candidates(trial, exposure, victim, told)]
    return next(
        (one for one in candidates if _closed(trial, exposure, victim, asking, one)),
        guarding.revoking(exposure.relation.table, "select"),
    )


def _candidates(
    trial: Trial, exposure: Exposure, victim: UUID, told: Mapping[str, Json]
) -> Iterator[str]:
    relation = exposure.relation
    table = relation.table
    if relation.kind == "v":
        yield f"alter view {named(table)} set (security_invoker = true);\n"
    if relation.kind not in ("r", "p"):
        return
    own = guarding.own(trial, table, "select")
    if not relation.guarded:
        letting = [one for one in guarding.policies(trial, table) if one.covers("select")]
        yield guarding.enabling(table) + ("" if letting else own)
        yield guarding.enabling(table) + guarding.dropping(table, letting) + own
        return
    public = [name for name in relation.columns if name not in exposure.columns]
    if _public(trial, relation, public):
        roles = guarding.holders(trial, table, "select")
        grant = guarding.granting(table, "select", public, roles)
        yield guarding.revoking(table, "select") + grant
    yield guarding.dropping(table, _letting(trial, exposure, victim, told)) + own


def _public(trial: Trial, relation: Relation, columns: list[str]) -> bool:
    """Tell whether there is anything left to read that a sync did not copy from auth.users."""
    mirrored = {one.column for one in trial.sync.mirrors if one.table == relation.table}
    return bool(set(columns) - mirrored - {guarding.key_of(trial.sync, relation.table)})


def _closed(
    trial: Trial,
    exposure: Exposure,
    victim: UUID,
    asking: Iterable[Mapping[str, Json]],
    setup: str,
) -> bool:
    """Tell whether the relation shows nothing personal once the SQL was run."""

    def open_to(told: Mapping[str, Json]) -> bool:
        found = exposures(trial, told, victim, setup)
        return any(one.relation.table == exposure.relation.table for one in found)

    seen: list[bool] = []
    refused = trial.attempt(lambda: seen.extend(map(open_to, asking)))
    return not refused and not any(seen)
