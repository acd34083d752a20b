"""Schedules as people write them: names, in the order of the steps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ..model.errors import UserSyncError
from .moves import Choose, Move


def names_of(schedule: str | Sequence[str], known: Collection[str]) -> list[str]:
    """Return the names in a schedule; raises UserSyncError for one that cannot be meant."""
    names = schedule.split() if isinstance(schedule, str) else list(schedule)
    if not names:
        raise UserSyncError(
            "The schedule is empty. Name the sessions in the order of their steps: 'ada bob ada'."
        )
    for name in names:
        if name not in known:
            raise UserSyncError(f"No session is named {name!r}. Use {', '.join(known)}.")
    return names


def follow(names: Sequence[str], *, whole: bool = False) -> Choose:
    """Return who is to go on, by a schedule; whoever cannot is passed over.

    Args:
        whole: whether each name stands for all that the session does.
    """
    left = iter([]) if whole else iter(names)

    def choose(ready: tuple[str, ...], moves: Sequence[Move]) -> str | None:
        for name in left:
            if name in ready:
                return name
        if whole:
            return next((name for name in names if name in ready), ready[0])
        last = moves[-1].event.session if moves else ""
        return last if last in ready else ready[0]

    return choose


def with_switches(lengths: dict[str, int], count: int) -> Iterator[list[str]]:
    """Yield the schedules that leave a session in the middle so many times, and no more.

    Args:
        lengths: how many steps each session has.
    """
    total = sum(lengths.values())

    def longer(done: list[str], left: dict[str, int], switches: int) -> Iterator[list[str]]:
        if len(done) == total:
            if switches == count:
                yield done
            return
        last = done[-1] if done else ""
        for name, steps in left.items():
            if name == last or not steps:
                continue
            for taken in range(steps, 0, -1):
                more = switches + (taken < steps)
                if more <= count:
                    yield from longer([*done, *[name] * taken], {**left, name: steps - taken}, more)

    yield from longer([], lengths, 0)
