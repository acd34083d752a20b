"""Apply a project's migrations one by one, with time to look at the database after each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import NamedTuple

from ..postgres import Server, database
from . import leftover_roles
from .apply import Loading, let_harness_in, limited
from .apply_errors import MigrationFailure
from .loaded import Loaded
from .model import Migration, Project


class Reached(NamedTuple):
    """A file that was applied, or failed.

    Args:
        project: the project as far as it is applied.
        loaded: the database as it is now, with what became of the files so far.
    """

    migration: Migration
    failure: MigrationFailure | None
    project: Project
    loaded: Loaded


@contextmanager
def stepwise(
    server: Server,
    template: str,
    project: Project,
    *,
    limit: float | None = None,
    stop: bool = False,
) -> Iterator[Iterator[Reached]]:
    """Yield the steps of ``load``; nobody is connected to the database between two of them.

    Each file has a session of its own, so that the database can be cloned: a temporary table of
    one file is not there for the next.
    """
    name = database.fresh_name("walk")
    try:
        database.clone(server, template, name)
        with (
            leftover_roles.noted(server, project),
            limited(server, name, limit),
            closing(Loading(server, name, project)) as loading,
        ):
            yield _steps(loading, stop=stop)
    finally:
        database.drop(server, name)


def _steps(loading: Loading, *, stop: bool) -> Iterator[Reached]:
    loading.begin()
    failures: list[MigrationFailure] = []
    done: list[Migration] = []
    for migration, failure in loading.steps(go_on=not stop):
        done.append(migration)
        failures += [failure] if failure else []
        loading.close()
        let_harness_in(loading.server, loading.name)
        yield Reached(migration, failure, _so_far(loading.project, done), loading.so_far(failures))
        if failure and stop:
            return


def _so_far(project: Project, done: list[Migration]) -> Project:
    """Return the project without the files that are still to come."""

    def have(files: tuple[Migration, ...]) -> tuple[Migration, ...]:
        return tuple(one for one in files if any(one is other for other in done))

    return replace(
        project,
        before=have(project.before),
        migrations=have(project.migrations),
        after=have(project.after),
        hook=project.hook if any(one.role == "hook" for one in done) else "",
    )
