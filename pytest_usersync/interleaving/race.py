"""A race: who takes part, what must hold, and what comes of its schedules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ..model.errors import UserSyncError
from ..postgres import statement_timeout
from ..postgres.database import Connection
from ..runner.check import Subject
from . import shrink_schedule, standalone, timeline
from .explore import Tree
from .judge import Judge, aborted
from .model import Invariant, Session
from .moves import Choose, ScheduleRun
from .race_database import RaceDatabase
from .race_setup import PATIENCE, RaceSetup
from .result import Exploration, Outcome, RaceFound
from .schedule import follow, names_of
from .schedule_runner import Runner

if TYPE_CHECKING:
    from ..runner.context import CheckContext

# How many schedules are played before the rest is left to chance.
BOUND = 1000


class Race(RaceSetup):
    """Sessions that act at the same time, on a database in which every schedule begins alike."""

    _judge: tuple[object, Judge] | None = None

    def run(
        self,
        schedule: str | Sequence[str],
        *,
        serializable: bool = False,
        only: Sequence[str] = (),
    ) -> Outcome:
        """Play one schedule: the names of the sessions in the order of their steps.

        Whoever waits or is done is passed over; when the schedule is at its end, the sessions that
        have more to do go on one after another; if ``only`` names some, the others do nothing.

        Raises:
            UserSyncError: there is no such session, or the schedule is empty.
        """
        names = names_of(schedule, self.sessions)
        outcome = self._outcome(self._play(follow(names), only=only))
        return self.judge().judge(outcome) if serializable else outcome

    def outcomes(
        self, *, bound: int = BOUND, reduce: bool = True, serializable: bool = False
    ) -> Iterator[Outcome]:
        """Yield what comes of every schedule that can make a difference, at most ``bound``."""
        self.tree = Tree(reduce=reduce)
        judge = self.judge()
        for play in self.tree.plays(partial(self._play, learn=reduce)):
            outcome = self._outcome(play)
            yield judge.judge(outcome) if serializable else outcome
            if self.tree.played + self.tree.cut >= bound:
                return

    def explore(
        self,
        *,
        bound: int = BOUND,
        draws: int = 200,
        reduce: bool = True,
        serializable: bool = False,
    ) -> Exploration:
        """Play every schedule that can make a difference, and raise what is wrong with the first.

        Args:
            bound: how many are played in order; beyond it, Hypothesis draws some.
            draws: how many it draws.
            reduce: whether to leave out what commutes.
            serializable: whether each must give what some serial order gives.

        Raises:
            RaceFound: something is wrong; with the shortest schedule that shows it.
            UserSyncError: the race cannot be played.
        """
        found = []
        for outcome in self.outcomes(bound=bound, reduce=reduce, serializable=serializable):
            found.append(outcome)
            if outcome.wrong:
                raise self.found(outcome, serializable=serializable)
        if not self.tree.finished:
            from .drawn_schedules import draw  # noqa: PLC0415  Hypothesis is heavy.

            if drawn := draw(self, draws, serializable=serializable):
                raise self.found(drawn, serializable=serializable)
        self._expect_no_hopeless(found)
        return Exploration(self.tree.played, self.tree.naive, self.tree.finished, tuple(found))

    def _expect_no_hopeless(self, outcomes: Sequence[Outcome]) -> None:
        """Let nobody take a race for sound because a session never gets anywhere in it."""
        for name in self.sessions:
            told = [outcome.errors.get(name) for outcome in outcomes]
            if told and all(told) and (first := told[0]):
                raise UserSyncError(
                    f"{name} fails in every schedule, at {first[0].text!r}: {first[0].error}."
                    " Correct the step, or catch the error in code."
                )

    def found(self, outcome: Outcome, *, serializable: bool = False) -> RaceFound:
        """Return the error that shows an outcome, with the shortest schedule for it."""
        short = self.shortest(outcome, serializable=serializable)
        return RaceFound(short, timeline.report(self, short), self.test(short))

    def test(self, outcome: Outcome) -> str:
        """Return a schedule as the text of a test of its own, in SQL."""
        return standalone.test_of(self, outcome)

    def script(self, outcome: Outcome) -> str:
        """Return a schedule as SQL for psql, a window for each session."""
        return standalone.script_of(self, outcome)

    def shortest(self, outcome: Outcome, *, serializable: bool = False) -> Outcome:
        """Return what is wrong in the same way with fewest sessions, steps and switches."""
        return shrink_schedule.shortest(self, outcome, serializable=serializable)

    def among(self, sessions: Iterable[Session]) -> Race:
        """Return the same race among these sessions."""
        other = Race(self.race_database, self.patience)
        other.sessions = {session.name: session for session in sessions}
        other.invariants, other.unwanted = self.invariants, self.unwanted
        other.acts, other.texts, other.pauses = self.acts, self.texts, self.pauses
        other._ready = self._ready
        return other

    def judge(self, *, reads: bool = True) -> Judge:
        """Return who compares outcomes of this race, as it is now, with its serial orders."""
        now = (
            *self.sessions.values(),
            *self.pauses,
            *self.invariants,
            len(self.acts),
            self.unwanted,
            reads,
        )
        if self._judge is None or self._judge[0] != now:
            targets = self.race_database.subject.sync.targets
            profile = (str(targets[0].table), targets[0].key) if targets else None
            judge = Judge(self._serial, lambda: self.race_database.relations, profile, reads=reads)
            self._judge = (now, judge)
        return self._judge[1]

    def _settle(self) -> None:
        if not self.sessions:
            raise UserSyncError("The race has no session. Add one or two sessions.")
        self._take_over([] if self.acts else self.pauses)
        if not self._ready:
            self.race_database.settle(self.pauses)
            self._ready = True

    def _play(
        self, choose: Choose, *, learn: bool = False, only: Sequence[str] = ()
    ) -> ScheduleRun:
        self._settle()
        sessions = [one for one in self.sessions.values() if not only or one.name in only]
        try:
            play = Runner(self.race_database, sessions, self.patience).play(choose, learn=learn)
            if play.complete:
                play.broken = list(self._broken(play))
        except BaseException:
            self.race_database.spoiled = True
            raise
        play.changes = self.race_database.restore(play.backends)
        return play

    def _outcome(self, play: ScheduleRun) -> Outcome:
        return Outcome(
            tuple(move.event.session for move in play.moves),
            [move.event for move in play.moves],
            play.errors,
            play.changes,
            play.broken,
            aborted(play.errors, play.changes),
            sessions=tuple(self.sessions.values()),
        )

    def _serial(self, order: Sequence[str]) -> Outcome:
        if not order:
            return Outcome((), [], {}, [])
        return self._outcome(self._play(follow(order, whole=True), only=order))

    def _broken(self, play: ScheduleRun) -> Iterator[str]:
        for name, many in play.errors.items():
            for told in many:
                if told.sqlstate == "AssertionError":
                    yield f"{name} claims: {told.error}"
                elif self.unwanted is None or told.sqlstate in self.unwanted:
                    yield f"{name} gets {told.sqlstate}: {told.error}"
        for holds in self.invariants:
            with self.race_database.reading() as connection:
                if fault := _fault(holds, connection):
                    yield fault


def _fault(holds: Invariant, connection: Connection) -> str:
    name = getattr(holds, "__name__", type(holds).__name__)
    shown = "the invariant" if name == "<lambda>" else name.replace("_", " ")
    try:
        if holds(connection) is False:
            return f"{shown} does not hold"
    except AssertionError as error:
        lines = str(error).strip().splitlines()
        return f"{shown} does not hold{f': {lines[0]}' if lines else ''}"
    return ""


def race_of(context: CheckContext) -> Race:
    """Return a race on the project; one race database serves all checks, one after the other."""
    return Race(context.shared(RaceDatabase), statement_timeout.statement())


class RaceFactory(Protocol):
    """Makes races, one after the other."""

    def __call__(self, *, patience: float = PATIENCE) -> Race:
        """Return a race without sessions."""


@contextmanager
def races(subject: Subject) -> Iterator[RaceFactory]:
    """Lend what makes races on a copy of a project's loaded database, where they take turns."""
    race_database = RaceDatabase(subject)

    def new(*, patience: float = PATIENCE) -> Race:
        return Race(race_database, patience)

    try:
        yield new
    finally:
        race_database.close()
