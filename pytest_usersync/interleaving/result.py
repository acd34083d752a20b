"""Results: the outcome of a schedule, and that of an exploration."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import timeline
from .model import Change, Event, Session, StatementResult


@dataclass(slots=True)
class Outcome:
    """What came of one schedule.

    Args:
        schedule: who moved, in order, as it really was.
        events: the same, move by move.
        errors: what each session was told that ended in an error.
        changes: the rows that are different now, in the order in which they were written.
        broken: what the invariants say.
        aborted: the sessions of which nothing remains, because they were told to try again.
        anomaly: the name of what no serial order gives, once it was judged; "" when one does.
        order: the serial order that gives the same, once it was judged.
        serial: what comes of the sessions one after another, to compare with.
        sessions: who took part.
    """

    schedule: tuple[str, ...]
    events: list[Event]
    errors: dict[str, list[StatementResult]]
    changes: list[Change]
    broken: list[str] = field(default_factory=list)
    aborted: tuple[str, ...] = ()
    anomaly: str = ""
    order: tuple[str, ...] | None = None
    serial: Outcome | None = None
    sessions: tuple[Session, ...] = ()

    @property
    def wrong(self) -> str:
        """What is wrong with it, in a line; "" when nothing is."""
        return "; ".join([*([self.anomaly] if self.anomaly else []), *self.broken])

    @property
    def trace(self) -> str:
        """The schedule as isolationtester would print it."""
        return timeline.trace(self)

    @property
    def timeline(self) -> str:
        """The sessions side by side: what each did and saw, and for whom it waited."""
        return timeline.timeline(self)

    @property
    def sqlstates(self) -> frozenset[str]:
        """Return the SQLSTATEs that sessions were told."""
        return frozenset(told.sqlstate for many in self.errors.values() for told in many)

    @property
    def seen(self) -> dict[str, list[StatementResult]]:
        """Return what each session was told, in its own order."""
        found: dict[str, list[StatementResult]] = {}
        for event in self.events:
            for name, _, told in event.told:
                found.setdefault(name, []).append(told)
        return found

    @property
    def switches(self) -> int:
        """Return how often the schedule leaves a session that has more to do."""
        left = {name: self.schedule.count(name) for name in self.schedule}
        count = 0
        for name, after in zip(self.schedule, self.schedule[1:], strict=False):
            left[name] -= 1
            count += name != after and left[name] > 0
        return count

    @property
    def waited(self) -> bool:
        """Whether a session had to wait for another."""
        return any(event.waits for event in self.events)


class RaceFound(AssertionError):
    """A schedule after which something is wrong; the message tells it from its beginning.

    Args:
        outcome: what came of the schedule, the shortest one that shows it.
        text: the message, without the test.
        test: the source of a test that plays this schedule.
    """

    def __init__(self, outcome: Outcome, text: str, test: str) -> None:
        super().__init__(f"{text}\n\nThe same as a test:\n\n{test}")
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
            stand = "schedule covers" if self.played == 1 else "schedules cover"
            return f"{self.played} {stand} all {self.naive}"
        return f"{self.played} of {self.naive} schedules"
