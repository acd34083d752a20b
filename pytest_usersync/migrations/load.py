"""Load a project: apply its files to a new clone of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import NamedTuple

from psycopg import sql

from ..platform import platform
from ..postgres import Server, database, statement_timeout
from . import leftover_roles, loaded_database, login_triggers
from .applier import Applier
from .model import LoadedProject, Migration, MigrationFailure, Project

# The project's roles that the harness is no member of. PostgreSQL's own begin with pg_.
_PROJECT_ROLES = """
    select r.rolname
    from pg_catalog.pg_roles as r
    where not r.rolsuper
        and not pg_catalog.starts_with(r.rolname, 'pg_')
        and not pg_catalog.pg_has_role(%(harness)s, r.oid, %(taking)s)
        and (
            %(own)s
            or r.rolname = any (%(made)s)
        )
    order by r.rolname
"""


class LoadStep(NamedTuple):
    """A file that was applied, or failed.

    Args:
        project: the project as far as it is applied.
        loaded: the database as it is now, with what became of the files so far.
    """

    migration: Migration
    failure: MigrationFailure | None
    project: Project
    loaded: LoadedProject


def load(
    server: Server,
    template: str,
    project: Project,
    *,
    limit: float | None = None,
    stop: bool = False,
) -> LoadedProject:
    """Return a new clone of ``template`` with the project's migrations; the caller drops it.

    Each file is a transaction of its own, its history row included, and all share one session. A
    file that fails is rolled back and not recorded; then it is applied again statement by
    statement, so that what can be applied is there for the files after it.

    Args:
        server: where the template is.
        template: the platform's database.
        project: what to apply.
        limit: seconds that a statement may take; by default those of the run.
        stop: whether the first failure ends it, as it would end the CLI's work.
    """
    name = database.fresh_name("project")
    try:
        with _loading(server, template, name, project, limit) as applier:
            loaded = applier.apply(stop=stop)
        _make_usable(server, name)
        with database.connect(server, name) as superuser:
            shut = login_triggers.try_logins(superuser, server, name, project)
    except BaseException:
        database.drop(server, name)
        raise
    return replace(loaded, failures=(*loaded.failures, *shut))


@contextmanager
def load_stepwise(
    server: Server,
    template: str,
    project: Project,
    *,
    limit: float | None = None,
    stop: bool = False,
) -> Iterator[Iterator[LoadStep]]:
    """Yield the steps of ``load``; between two of them the database can be cloned.

    So each file has a session of its own: a temporary table of one file is not there for the next.
    """
    name = database.fresh_name("walk")
    try:
        with _loading(server, template, name, project, limit) as applier:
            yield _steps(applier, stop=stop)
    finally:
        database.drop(server, name)


@contextmanager
def open_applier(server: Server, project: Project, kind: str) -> Iterator[Applier]:
    """Yield an applier of the project to a clone of the platform, which is dropped in the end."""
    name = database.fresh_name(kind)
    try:
        database.clone(server, platform.template(server), name)
        with closing(Applier(server, name, project)) as applier:
            yield applier
    finally:
        database.drop(server, name)


@contextmanager
def _loading(
    server: Server, template: str, name: str, project: Project, limit: float | None
) -> Iterator[Applier]:
    """Yield an applier; a statement has a time limit, and the ledger of roles is kept."""
    database.clone(server, template, name)
    with (
        leftover_roles.keep_ledger(server, project),
        statement_timeout.watching(server),
        statement_timeout.allowing(name, limit or statement_timeout.loading()),
        closing(Applier(server, name, project)) as applier,
    ):
        yield applier


def _steps(applier: Applier, *, stop: bool) -> Iterator[LoadStep]:
    done: list[Migration] = []
    for migration, failure in applier.steps(stop=stop):
        done.append(migration)
        applier.close()
        _make_usable(applier.server, applier.name)
        so_far = _applied_part(applier.project, done)
        yield LoadStep(migration, failure, so_far, applier.result())


def _applied_part(project: Project, done: list[Migration]) -> Project:
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


def _make_usable(server: Server, name: str) -> None:
    """Grant the harness the roles that the project made; others' roles stay as they are.

    Raises:
        ProjectError: the database has a name that is ours.
    """
    # From PostgreSQL 16 on, the creator of a role is its administrator but may not set it.
    taking = "set" if server.version >= 160000 else "member"
    given = {
        "harness": database.HARNESS,
        "own": server.own,
        "made": leftover_roles.find_made(server),
        "taking": taking,
    }
    with database.connect(server, name) as superuser:
        loaded_database.settle(superuser, server)
        for row in superuser.execute(_PROJECT_ROLES, given).fetchall():
            grant = sql.SQL("grant {} to {}")
            superuser.execute(
                grant.format(sql.Identifier(row["rolname"]), sql.Identifier(database.HARNESS))
            )
