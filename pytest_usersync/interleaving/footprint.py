"""The footprint of a move: what it touched, and whether its order with another matters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# How a relation was touched, by the lock that remains until the end of the transaction.
HELD, READ, WRITTEN, TAKEN = range(4)
_MODES = {"AccessShareLock": READ, "RowShareLock": WRITTEN, "RowExclusiveLock": WRITTEN}
# Whatever a snapshot shows: everything that others committed.
ALL = "*"


@dataclass(frozen=True, slots=True)
class Footprint:
    """The relations that a move touched, and how; ``unknown`` when it could be any.

    Two moves that touch nothing in common can change places, and nobody notices. A row that is
    locked counts as written: others wait for it.
    """

    touched: tuple[tuple[str, int], ...] = ()
    unknown: bool = False

    def __or__(self, other: Footprint) -> Footprint:
        found = dict(self.touched)
        for name, how in other.touched:
            found[name] = max(how, found.get(name, HELD))
        return Footprint(tuple(found.items()), self.unknown or other.unknown)

    def meets(self, other: Footprint) -> bool:
        """Tell whether the order of the two can make a difference."""
        if not (self.touched or self.unknown) or not (other.touched or other.unknown):
            return False
        if self.unknown or other.unknown:
            return True
        mine, theirs = dict(self.touched), dict(other.touched)
        if _all(mine, theirs) or _all(theirs, mine):
            return True
        return any(_differ(mine[name], theirs[name]) for name in mine.keys() & theirs.keys())

    def committed(self) -> Footprint:
        """Return the footprint of the commit after this: what was read is only let go of."""
        touched = tuple(
            (name, HELD if how == READ else how) for name, how in self.touched if name != ALL
        )
        return Footprint(touched, self.unknown)


ANYTHING = Footprint(unknown=True)
SNAPSHOT = Footprint(((ALL, READ),))


def of_locks(locks: Iterable[tuple[str, str]]) -> Footprint:
    """Return the footprint of a transaction that holds these locks, by what is locked, and how."""
    found: dict[str, int] = {}
    for name, mode in locks:
        found[name] = max(_MODES.get(mode, TAKEN), found.get(name, HELD))
    return Footprint(tuple(found.items()))


def _differ(one: int, other: int) -> bool:
    # To let go of what was read matters only to those who wait for the whole table.
    low, high = sorted((one, other))
    if low == HELD:
        return high == TAKEN
    return high > READ


def _all(one: dict[str, int], other: dict[str, int]) -> bool:
    """Tell whether a snapshot meets what would be seen in it, or another such."""
    return ALL in one and any(how > READ for how in other.values())
