"""Signups in an empty project, one of each kind, and what the triggers write for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from ...model.quoting import named, quoted
from ...model.sync import Target
from ...runner.check import Subject
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context
from ..maintenance import ghosts
from ..maintenance.ghosts import KINDS, Kind

Rows: TypeAlias = dict[tuple[Target, UUID], list[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class SyncedUser:
    """Who signed up with the triggers on.

    Args:
        made: the ids by the kind; whom the project or Supabase Auth refuses is left out.
        rows: what the triggers wrote, by the target and the id.
        ghosts: who has no profile.
    """

    made: Mapping[Kind, Sequence[UUID]]
    rows: Rows
    ghosts: frozenset[UUID]


@dataclass
class _Cache:
    """What this process has seen."""

    subject: Subject
    signed: SyncedUser | None = None

    def close(self) -> None:
        """Nothing is open."""


def sign_up_once(context: CheckContext) -> SyncedUser:
    """Return who signs up, and gets what; it is done once in a process."""
    known = context.shared(_Cache)
    known.signed = known.signed or sign(context, KINDS)
    return known.signed


def sign(context: CheckContext, kinds: Iterable[Kind]) -> SyncedUser:
    """Sign up one of each kind, in this order, on a database as new."""
    alone = reused_context(context)
    made = ghosts.make_ghosts(alone, kinds)
    users = [user_id for ids in made.values() for user_id in ids]
    return SyncedUser(made, rows(alone, users), frozenset(ghosts.without_profile(alone)))


def rows(context: CheckContext, user_ids: Sequence[UUID]) -> Rows:
    """Return the rows of every target that carry the id of one of these users."""
    known = {str(user_id): user_id for user_id in user_ids}
    found: Rows = {}
    for target in context.sync.targets:
        query = f"select * from {named(target.table)} where {quoted(target.key)}::text = any (%s)"
        for row in context.query(query, [[*known]]):
            found.setdefault((target, known[str(row[target.key])]), []).append(row)
    return found
