"""Moves of a schedule that was played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .footprint import Footprint
from .model import Change, Event, StatementResult


@dataclass(slots=True)
class Move:
    """An event, who could have gone on instead, and what was touched."""

    event: Event
    ready: tuple[str, ...]
    footprint: Footprint
    blocked: bool = False


@dataclass(slots=True)
class ScheduleRun:
    """What came of one schedule, as far as it was played."""

    moves: list[Move] = field(default_factory=list)
    errors: dict[str, list[StatementResult]] = field(default_factory=dict)
    backends: list[tuple[int, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    complete: bool = False


# Who is to go on, of those who can, after these moves; None: enough has been seen.
Choose = Callable[[tuple[str, ...], Sequence[Move]], str | None]
