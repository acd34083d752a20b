"""Apply a project's migrations once more, with time for others where it can matter what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..postgres import Server
from . import paced_apply
from .apply import Loading, queries
from .apply_errors import MigrationFailure
from .model import Migration, Project
from .race_points import Openings


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which others act.

    Args:
        number: how many there were before it; the same in every application of one project.
        migration: the latest file, if there was one.
        done: how many statements of it are done.
        committed: whether they are committed.
    """

    number: int
    migration: Migration | None = None
    done: int = 0
    committed: bool = True


class Others(Protocol):
    """Who acts while the migrations are applied."""

    def act(self, moment: Moment, pid: int) -> None:
        """Do something at this moment; the migrations are applied by this backend."""

    def give_way(self) -> None:
        """End what the migrations wait for."""

    def end(self) -> None:
        """End all that is under way."""


class Installing(Loading):
    """A loading between whose statements others act.

    Args:
        known: where in each file it can matter.
        others: who acts.
        late: the number of files at the beginning during which nobody does.
    """

    def __init__(
        self,
        server: Server,
        name: str,
        project: Project,
        known: Mapping[Path, Openings],
        others: Others,
        late: int = 0,
    ) -> None:
        super().__init__(server, name, project)
        self.failed = 0
        self._known = known
        self._others = others
        self._late = late
        self._begun = 0
        self._moments = 0

    def install(self) -> None:
        """Apply all files, up to the first one that fails only where there are others.

        ``failed`` is then the number of files up to it. What failed when the project was loaded is
        applied as far as it can be, as it was then.
        """
        self._moment()
        self.loaded(stop=False)

    def _files(
        self, files: Sequence[Migration], *, go_on: bool
    ) -> Iterator[tuple[Migration, MigrationFailure | None]]:
        for migration, failure in super()._files(files, go_on=go_on):
            self._others.end()
            if self.failed:
                return
            self._moment(migration, len(migration.statements))
            yield migration, failure

    def _apply(self, migration: Migration) -> MigrationFailure | None:
        self._begun += 1
        known = self._known.get(migration.path)
        if known is None:
            self._others.end()
            return super()._apply(migration)

        def act(place: int) -> None:
            if place in known.places:
                self._moment(migration, place, committed=False)

        refusal = paced_apply.run(
            self.connection,
            queries(self.project, migration, known.statements),
            before=act,
            waits=self._others.give_way,
        )
        if refusal is None:
            return None
        self.failed = self._begun
        self._end_transaction()
        return None

    def _moment(
        self, migration: Migration | None = None, done: int = 0, *, committed: bool = True
    ) -> None:
        number, self._moments = self._moments, self._moments + 1
        if self._begun - (not committed) >= self._late:
            self._others.act(
                Moment(number, migration, done, committed), self.connection.info.backend_pid
            )
