"""The shortest schedule that goes wrong in the same way: fewest sessions, steps and switches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations

from ..model.errors import UserSyncError
from .model import Outcome, Session
from .race import Race
from .schedule import with_switches

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
    again = True
    while again and search.left > 0:
        again = False
        for less in _less(outcome.sessions):
            if found := search.among(less, outcome.schedule):
                outcome, again = found, True
                break
    return outcome


def _less(sessions: Sequence[Session]) -> Iterator[tuple[Session, ...]]:
    for number, session in enumerate(sessions):
        if len(session.steps) > 1:
            for step in reversed(range(len(session.steps))):
                steps = (*session.steps[:step], *session.steps[step + 1 :])
                yield (
                    *sessions[:number],
                    replace(session, steps=steps),
                    *sessions[number + 1 :],
                )


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
