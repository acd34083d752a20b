"""Apply a project's migrations while other sessions act between their statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .applier import Applier
from .model import Migration
from .observed_apply import StatementObserver, apply_observed
from .race_points import RacePoints


@dataclass(frozen=True, slots=True)
class InterruptionPoint:
    """A moment at which others act.

    Args:
        number: counts the moments from 0; it is the same whenever this project is applied.
        migration: the file that is being applied, or was the last one; none before the first.
        done: how many of its statements are done.
        committed: whether they are committed.
    """

    number: int
    migration: Migration | None = None
    done: int = 0
    committed: bool = True


class OtherSessions(Protocol):
    """The other sessions, which act while the migrations are applied."""

    def act(self, moment: InterruptionPoint, pid: int) -> None:
        """Act at this moment; ``pid`` is the backend that applies the migrations."""

    def give_way(self) -> None:
        """End the transaction that the migrations wait for."""

    def end(self) -> None:
        """End every open transaction."""


def apply_with_others(
    applier: Applier, known: Mapping[Path, RacePoints], others: OtherSessions, late: int = 0
) -> int:
    """Apply all files while others act, up to the first one that fails only because they act.

    A file that failed when the project was loaded is applied as far as it can be, as it was then.

    Args:
        known: the race points of each file.
        others: the other sessions.
        late: the number of files at the beginning during which they do not act.

    Returns:
        The number of files up to the one that failed, or 0.
    """
    between = _InterruptingObserver(applier, known, others, late)
    between.act()
    for migration, _ in applier.steps(stop=False, observer=between.observe):
        others.end()
        if between.failed:
            break
        between.act(migration, len(migration.statements))
    return between.failed


@dataclass
class _InterruptingObserver:
    """An observer that lets others act between the statements of a file."""

    applier: Applier
    known: Mapping[Path, RacePoints]
    others: OtherSessions
    late: int
    failed: int = 0
    begun: int = 0
    moments: int = 0

    def observe(self, applier: Applier, migration: Migration) -> bool:
        """Apply a file whose race points are known."""
        self.begun += 1
        known = self.known.get(migration.path)
        if known is None:
            # The file is applied without pauses: an open signup would make it wait for ever.
            self.others.end()
            return False

        def act(done: int) -> None:
            if done in known.places:
                self.act(migration, done, committed=False)

        observer = StatementObserver(between=act, waiting=self.others.give_way)
        if not apply_observed(applier, migration, known.statements, observer, tries=1):
            self.failed = self.begun
        return True

    def act(
        self, migration: Migration | None = None, done: int = 0, *, committed: bool = True
    ) -> None:
        """Let others act, unless it is too early for them."""
        number, self.moments = self.moments, self.moments + 1
        # A file that is being applied is counted in ``begun``, but is not yet behind us.
        if self.begun - (not committed) >= self.late:
            pid = self.applier.session.connection.info.backend_pid
            self.others.act(InterruptionPoint(number, migration, done, committed), pid)
