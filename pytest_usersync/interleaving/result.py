"""What an exploration gives: how much was seen, or what was found."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Outcome


class RaceFound(AssertionError):
    """A schedule after which something is wrong; the message tells it from its beginning.

    Args:
        outcome: what came of the schedule, the shortest one that shows it.
        text: the message, without the test.
        test: the source of a test that plays this schedule.
    """

    def __init__(self, outcome: Outcome, text: str, test: str) -> None:
        super().__init__(f"{text}\n\nas a test to keep:\n\n{test}")
        self.outcome = outcome
        self.test = test


@dataclass(frozen=True, slots=True)
class Exploration:
    """How much of a race was seen.

    Args:
        played: how many schedules were played.
        naive: how many orders of the steps there are.
        finished: whether every schedule that can make a difference was among them.
        outcomes: what came of each.
    """

    played: int
    naive: int
    finished: bool
    outcomes: tuple[Outcome, ...]

    def __str__(self) -> str:
        if self.finished:
            stand = "schedule stands" if self.played == 1 else "schedules stand"
            return f"{self.played} {stand} for all {self.naive}"
        return f"{self.played} of {self.naive} schedules"
