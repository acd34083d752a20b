"""Delta debugging: leave out of a list what is not needed for what it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def ddmin(
    items: Sequence[T], holds: Callable[[list[T]], bool], sizes: Sequence[int] = (1,)
) -> list[T]:
    """Return those of the items that are needed for ``holds``, in their order.

    Runs of items are left out one after another, the last run first, because what comes late is
    more often a consequence than a cause. A run that cannot be left out is not tried again. So
    after a pass of size 1 no single item can be left out, as long as ``holds`` is monotone (what
    holds with some items holds with more); call it again until nothing changes where it is not.

    The classic ddmin also tries each run alone. That takes more trials where only few of many
    items are needed, and a trial costs a round trip to the database.

    Args:
        items: ``holds`` of all of them; this is not tried.
        holds: tells whether fewer items still show the same; it may be asked about none.
        sizes: the lengths of the runs, one for each pass; a pass takes ``len(items) / size`` trials
            at most, so large runs come first where most items are not needed.
    """
    kept = list(items)
    for size in sizes:
        for start in reversed(range(0, len(kept), size)):
            fewer = kept[:start] + kept[start + size :]
            if holds(fewer):
                kept = fewer
    return kept
