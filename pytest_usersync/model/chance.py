"""Chance that a seed decides: ids, tokens and people, the same in every run of one case.

Each case has a chance of its own. So what it draws does not depend on the cases before it, nor on
the process of xdist that it runs in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from uuid import UUID, uuid4

# So many people of a case have numbers in a row; who comes after them has a number with a digit
# more, and so nobody has the number of somebody else's case.
_ROW = 16
# No check has as many cases; with more, the next check's numbers would begin among them.
_CASES = 64
_MORE = 1_000_000


class Chance:
    """What one case draws, in its order.

    Args:
        key: decides all that is drawn.
        place: where the numbers of people begin; each case of a run has another one.
    """

    def __init__(self, key: str, place: int = 0) -> None:
        self.random = random.Random(key)
        self._place = place
        self._drawn = count()

    def uuid(self) -> UUID:
        """Return the next version 4 UUID."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def number(self) -> int:
        """Return the number of the next person."""
        row, rest = divmod(next(self._drawn), _ROW)
        return row * _MORE + self._place * _ROW + rest + 1


# Outside of a case nobody else in this process has a person's number, and ids are truly random.
_others = count(1)
_current: Chance | None = None


def place_of(code: str, case: int) -> int:
    """Return where the numbers of the people of a check's case begin; below are all others."""
    return (int(code[2:]) - 100) * _CASES + case + _CASES


@contextmanager
def using(chance: Chance) -> Iterator[Chance]:
    """Let everything be drawn from this chance, in all threads."""
    global _current  # noqa: PLW0603  threads of a race belong to the case as well
    before, _current = _current, chance
    try:
        yield chance
    finally:
        _current = before


def fresh_uuid() -> UUID:
    """Return a version 4 UUID that nobody has yet."""
    return _current.uuid() if _current else uuid4()


def fresh_number() -> int:
    """Return a number for a person that nobody else has."""
    return _current.number() if _current else next(_others)


def fresh_random() -> random.Random:
    """Return a generator of its own, seeded where there is a chance, else truly random."""
    return random.Random(_current.random.getrandbits(64)) if _current else random.Random()


def drawn() -> bool:
    """Tell whether what is drawn now can be repeated."""
    return _current is not None
