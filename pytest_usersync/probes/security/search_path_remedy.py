"""Remedies for names that others can take: a pinned path, or a right that nobody needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...runner.savepoint import RolledBack
from .attack import Hijack
from .called_functions import Routine
from .hijack import Attacker


def paths(schema: str, victim: Routine | None) -> Iterator[str]:
    """Yield what may keep the objects of a schema from being meant, the best first."""
    if schema != "pg_temp":
        yield f"revoke create on schema {schema} from public, anon, authenticated;"
    if victim:
        yield f"alter function {victim.name} set search_path = '';"
        if victim.path:
            yield f"alter function {victim.name} set search_path = {victim.path}, pg_temp;"
        for path in ("public, pg_temp", "public, extensions, pg_temp"):
            yield f"alter function {victim.name} set search_path = {path};"
        if victim.trigger:
            yield f"revoke execute on function {victim.name} from public, anon, authenticated;"


def first(
    transaction: RolledBack, attacker: Attacker, hijack: Hijack, remedies: Iterable[str]
) -> str | None:
    """Return the first with which a signup leaves the same, and the attack gains nothing."""
    before = transaction.leaves()
    for remedy in remedies:
        with transaction.undone():
            refused = transaction.run(remedy)
            if refused is None and transaction.leaves() == before and not attacker.again(hijack):
                return remedy
    return None
