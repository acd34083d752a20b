"""Races: sessions that act at the same time, in every order that can make a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import Change, Event, Session
from .race import Race, race_of, races
from .result import Exploration, Outcome, RaceFound

if TYPE_CHECKING:
    from .drawn_schedules import schedules

__all__ = [
    "Change",
    "Event",
    "Exploration",
    "Outcome",
    "Race",
    "RaceFound",
    "Session",
    "race_of",
    "races",
    "schedules",
]


def __getattr__(name: str) -> object:
    """Load what needs Hypothesis when it is asked for: a run of the checks does without."""
    if name == "schedules":
        from .drawn_schedules import schedules  # noqa: PLC0415

        return schedules
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
