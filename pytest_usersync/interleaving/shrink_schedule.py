"""The shortest schedule that goes wrong in the same way: fewest sessions, steps and switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING

from ..model.ddmin import ddmin
from ..model.errors import UserSyncError
from .model import Session
from .result import Outcome
from .schedule import with_switches

if TYPE_CHECKING:
    from .race import Race

# A session's name, and the number of one of its steps.
_Step = tuple[str, int]

# How many schedules one search may play, and all of them together.
_EACH = 150
_ALL = 1500
# Of so many sessions every order is tried.
_MOST = 5


class _Search:
    def __init__(self, race: Race, wrong: frozenset[str], *, serializable: bool) -> None:
        self.race = race
        self.wrong = wrong
        self.serializable = serializable
        self.left = _ALL
        self.serially = False
        self.serially = self.even_serially(race)

    def same(self, outcome: Outcome) -> bool:
        """Tell whether an outcome is wrong in the same way."""
        return bool(self.wrong & _ways(outcome))

    def even_serially(self, race: Race) -> bool:
        """Tell whether it goes wrong even one after another, and so is another fault or no race."""
        judge = race.judge()
        return any(
            self.same(judge.after(order))
            for order in permutations(race.sessions)
            if len(order) <= _MOST
        )

    def among(self, sessions: Sequence[Session], like: Sequence[str] = ()) -> Outcome | None:
        """Return what goes wrong among some sessions, the given schedule tried first."""
        # With fewer sessions it may go wrong even one after the other: another fault.
        race = self.race.among(sessions)
        names = [name for name in like if name in race.sessions]
        try:
            if not self.serially and self.even_serially(race):
                return None
            if names:
                self.left -= 1
                outcome = race.run(names, serializable=self.serializable)
                if self.same(outcome):
                    return outcome
            for outcome in race.outcomes(
                bound=max(1, min(_EACH, self.left)), serializable=self.serializable
            ):
                self.left -= 1
                if self.same(outcome):
                    return outcome
        except UserSyncError:  # Less of a race may be none.
            return None
        return None


def shortest(race: Race, outcome: Outcome, *, serializable: bool) -> Outcome:
    """Return an outcome that is wrong in the same way, and cannot be had with less."""
    search = _Search(race, _ways(outcome), serializable=serializable)
    found = _fewest_sessions(search, outcome)
    found = _fewest_steps(search, found)
    return _fewest_switches(search, found)


def _fewest_sessions(search: _Search, outcome: Outcome) -> Outcome:
    sessions = outcome.sessions
    for count in range(1, len(sessions)):
        for some in combinations(sessions, count):
            if found := search.among(some, outcome.schedule):
                return found
    return outcome


def _fewest_steps(search: _Search, outcome: Outcome) -> Outcome:
    """Leave out one step after the other, until none can be left out."""

    def still(steps: Sequence[_Step]) -> bool:
        nonlocal outcome
        if {name for name, _ in steps} != acting:  # None is without a step: those are fewest.
            return False
        found = search.among([_with(steps, one) for one in whole], outcome.schedule)
        outcome = found or outcome
        return found is not None

    whole = outcome.sessions
    acting = {one.name for one in whole if one.steps}
    # The last goes first: so the first session is cut first.
    steps = [(one.name, step) for one in reversed(whole) for step in range(len(one.steps))]
    while search.left > 0 and (fewer := ddmin(steps, still)) != steps:
        steps = fewer
    return outcome


def _with(steps: Sequence[_Step], session: Session) -> Session:
    kept = [one for step, one in enumerate(session.steps) if (session.name, step) in steps]
    return replace(session, steps=tuple(kept))


def _fewest_switches(search: _Search, outcome: Outcome) -> Outcome:
    race = search.race.among(outcome.sessions)
    lengths = {session.name: outcome.schedule.count(session.name) for session in outcome.sessions}
    lengths = {name: length for name, length in lengths.items() if length}
    for count in range(outcome.switches):
        for schedule in with_switches(lengths, count):
            if search.left <= 0:
                return outcome
            search.left -= 1
            found = race.run(schedule, serializable=search.serializable)
            if search.same(found) and found.switches < outcome.switches:
                return found
    return outcome


def _ways(outcome: Outcome) -> frozenset[str]:
    """Return in which ways an outcome is wrong, without what is different each time."""
    ways = {text.partition(":")[0] for text in outcome.broken}
    return frozenset(ways | ({outcome.anomaly} if outcome.anomaly else set()))
