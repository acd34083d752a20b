"""Every schedule that can make a difference, by playing one and seeing what depends on what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import factorial

from ..model.errors import UserSyncError
from .footprint import Footprint
from .moves import Choose, Move, ScheduleRun


@dataclass(slots=True)
class _Node:
    """A point of a schedule at which somebody was chosen.

    Args:
        wanted: who is to be tried here.
        done: who was tried, with what they touched.
        asleep: who need not be tried: it would be a schedule that was seen already.
    """

    ready: tuple[str, ...]
    chosen: str
    wanted: set[str]
    asleep: dict[str, Footprint]
    done: dict[str, Footprint] = field(default_factory=dict)

    def next(self) -> str | None:
        """Return who is to be tried next."""
        for name in self.ready:
            if name in self.wanted and name not in self.done and name not in self.asleep:
                return name
        return None


class Tree:
    """The schedules of a race, each played from its beginning.

    Of schedules that differ only in the order of moves that touch nothing in common, one is
    played. What a move touches is seen when it is made, never guessed: the source sets and sleep
    sets of Abdulla, Aronis, Jonsson and Sagonas, "Optimal dynamic partial order reduction" (2014).

    Args:
        reduce: whether to leave out what is the same; without it every order is played.
    """

    def __init__(self, *, reduce: bool = True) -> None:
        self.reduce = reduce
        self.played = 0
        self.cut = 0
        self.lengths: dict[str, int] = {}
        self.finished = False
        self._path: list[_Node] = []

    @property
    def naive(self) -> int:
        """Return how many orders there are of as many steps."""
        total = factorial(sum(self.lengths.values()))
        for length in self.lengths.values():
            total //= factorial(length)
        return total

    def plays(self, play: Callable[[Choose], ScheduleRun]) -> Iterator[ScheduleRun]:
        """Yield what comes of every schedule."""
        while not self.finished:
            told = play(self._choose())
            self.played += told.complete
            self.cut += not told.complete
            if self.reduce:
                # First, because a move that had to wait has no footprint of its own to compare.
                _settle(told.moves)
                self._want(told.moves)
            self.finished = not self._turn_back(told.moves)
            if told.complete:
                self._count(told.moves)
                yield told

    def _choose(self) -> Choose:
        """Return what follows the path, and goes on beyond it."""

        def choose(ready: tuple[str, ...], moves: Sequence[Move]) -> str | None:
            depth = len(moves)
            if depth < len(self._path):
                return _expected(self._path[depth], ready, depth)
            asleep = self._asleep(moves[-1]) if moves else {}
            awake = [name for name in ready if name not in asleep]
            # Whatever could go on leads to what was played before (a sleep set).
            if not awake:
                return None
            last = self._path[-1].chosen if self._path else ""
            # Few switches make a finding that is easy to read.
            chosen = last if last in awake else awake[0]
            wanted = {chosen} if self.reduce else set(ready)
            self._path.append(_Node(ready, chosen, wanted, asleep))
            return chosen

        return choose

    def _asleep(self, move: Move) -> dict[str, Footprint]:
        """Return who still sleeps after the last move, having nothing in common with it."""
        if not self.reduce:
            return {}
        before = self._path[-1]
        return {
            name: footprint
            for name, footprint in {**before.asleep, **before.done}.items()
            if name not in move.event.moved and not footprint.meets(move.footprint)
        }

    def _want(self, moves: Sequence[Move]) -> None:
        """Have tried, for each two moves that could change places, what would make them do so."""
        before: list[set[int]] = []
        for later, move in enumerate(moves):
            earlier: set[int] = set()
            for first in reversed(range(later)):
                if first in earlier:
                    continue
                theirs = moves[first]
                same = bool(theirs.event.moved & move.event.moved)
                if same or theirs.footprint.meets(move.footprint):
                    earlier |= {first} | before[first]
                    if move.event.session not in theirs.event.moved:
                        self._reverse(moves, [*before, earlier], first, later)
            before.append(earlier)

    def _reverse(
        self, moves: Sequence[Move], before: Sequence[set[int]], first: int, later: int
    ) -> None:
        node = self._path[first]
        between = [k for k in range(first + 1, later) if first not in before[k]] + [later]
        initial = [
            moves[k].event.session
            for k in between
            if not any(other in before[k] for other in between if other < k)
        ]
        # Any of them leads to the reversal, and one is tried already (a source set).
        if node.wanted.intersection(initial):
            return
        able = [name for name in reversed(initial) if name in node.ready]
        node.wanted |= set(able[:1] or node.ready)

    def _turn_back(self, moves: Sequence[Move]) -> bool:
        while self._path:
            node = self._path[-1]
            if len(self._path) <= len(moves):
                node.done[node.chosen] = moves[len(self._path) - 1].footprint
            name = node.next()
            if name is not None:
                node.chosen = name
                return True
            self._path.pop()
        return False

    def _count(self, moves: Sequence[Move]) -> None:
        steps: dict[str, int] = {}
        for move in moves:
            steps[move.event.session] = steps.get(move.event.session, 0) + 1
        for name, length in steps.items():
            self.lengths[name] = max(length, self.lengths.get(name, 0))


def _settle(moves: Sequence[Move]) -> None:
    """Give a move that had to wait the footprint of the move in which it got what it wanted."""
    for number, move in enumerate(moves):
        if move.blocked:
            name = move.event.session
            later = (one for one in moves[number + 1 :] if name in one.event.moved)
            if (got := next(later, None)) is not None:
                move.footprint = got.footprint


def _expected(node: _Node, ready: tuple[str, ...], depth: int) -> str:
    if node.chosen not in ready:
        raise UserSyncError(
            f"{node.chosen} could continue at move {depth + 1} before, but cannot now. Only the"
            " schedule may decide what a session does: no random values, no clock, no state."
        )
    return node.chosen
