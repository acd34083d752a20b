"""Remedies for exposed personal data, as SQL that hides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from ...auth import Json
from ...model.finding import Location
from ...model.quoting import named
from ...runner.context import CheckContext
from ...runner.requests import other_users_claims
from . import policies
from .exposed_relations import Relation
from .exposure import Exposure, exposures


def cause(context: CheckContext, exposure: Exposure, victim: UUID, told: Mapping[str, Json]) -> str:
    """Return why it can be read: what the catalog says, or the policy without which it cannot."""
    relation = exposure.relation
    if relation.kind == "m":
        return "a materialized view has no row level security"
    if relation.kind == "v":
        invoking = f"alter view {named(relation.table)} set (security_invoker = true);\n"
        if _closed(context, exposure, victim, [told], invoking):
            return "the view reads with its owner's rights"
        return "the caller may read the view's tables too"
    if not relation.guarded:
        return "row level security is off"
    letting = _letting(context, exposure, victim, told)
    names = " and ".join(f'"{one.name}"' for one in letting)
    return f"policy {names} allows it" if names else "row level security does not prevent it"


def place(
    context: CheckContext, exposure: Exposure, victim: UUID, told: Mapping[str, Json]
) -> Location | None:
    """Return where the relation is opened: at the policy that lets it be read, else where made."""
    relation = exposure.relation
    if relation.guarded and relation.kind in ("r", "p"):
        letting = _letting(context, exposure, victim, told)
        return context.places.rights(relation.table, [one.name for one in letting])
    return context.places.rights(relation.table)


def _letting(
    context: CheckContext, exposure: Exposure, victim: UUID, told: Mapping[str, Json]
) -> list[policies.Policy]:
    """Return the policies that let it be read: one alone, else all of those about reading."""
    table = exposure.relation.table
    reading = [one for one in policies.policies(context, table) if one.covers("select")]
    for one in reading:
        if _closed(context, exposure, victim, [told], policies.dropping(table, [one])):
            return [one]
    return reading


def remedy(
    context: CheckContext, exposure: Exposure, victim: UUID, told: Mapping[str, Json]
) -> str:
    """Return the first remedy that really keeps out whoever asked, the anon key, and strangers."""
    asking = [told, other_users_claims(victim), {"role": "anon"}]
    candidates = [*_candidates(context, exposure, victim, told)]
    return next(
        (one for one in candidates if _closed(context, exposure, victim, asking, one)),
        policies.revoking(exposure.relation.table, "select"),
    )


def _candidates(
    context: CheckContext, exposure: Exposure, victim: UUID, told: Mapping[str, Json]
) -> Iterator[str]:
    relation = exposure.relation
    table = relation.table
    if relation.kind == "v":
        yield f"alter view {named(table)} set (security_invoker = true);\n"
    if relation.kind not in ("r", "p"):
        return
    own = policies.own(context, table, "select")
    if not relation.guarded:
        letting = [one for one in policies.policies(context, table) if one.covers("select")]
        yield policies.enabling(table) + ("" if letting else own)
        yield policies.enabling(table) + policies.dropping(table, letting) + own
        return
    public = [name for name in relation.columns if name not in exposure.columns]
    if _public(context, relation, public):
        roles = policies.holders(context, table, "select")
        grant = policies.granting(table, "select", public, roles)
        yield policies.revoking(table, "select") + grant
    yield policies.dropping(table, _letting(context, exposure, victim, told)) + own


def _public(context: CheckContext, relation: Relation, columns: list[str]) -> bool:
    """Tell whether there is anything left to read that a sync did not copy from auth.users."""
    mirrored = {one.column for one in context.sync.mirrors if one.table == relation.table}
    return bool(set(columns) - mirrored - {policies.key_of(context.sync, relation.table)})


def _closed(
    context: CheckContext,
    exposure: Exposure,
    victim: UUID,
    asking: Iterable[Mapping[str, Json]],
    setup: str,
) -> bool:
    """Tell whether the relation shows nothing personal once the SQL was run."""

    def open_to(told: Mapping[str, Json]) -> bool:
        found = exposures(context, told, victim, setup)
        return any(one.relation.table == exposure.relation.table for one in found)

    seen: list[bool] = []
    refused = context.attempt(lambda: seen.extend(map(open_to, asking)))
    return not refused and not any(seen)
