"""Make the subject of a run once, hand it to the other processes of the run, and clear it away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from psycopg import Error

from .. import migrations, postgres
from ..diagnosis.locating import describe
from ..discovery import discover
from ..migrations import LoadedProject, MigrationFailure, Project, replace_stray_bytes
from ..model.chance import Chance, using
from ..model.errors import ProjectError, no_room
from ..model.plain_data import rebuild
from ..model.policy import Policies
from ..model.safe_text import cut_sql, one_line
from ..model.settings import Exploration, Settings, Upkeep
from ..model.sync import Sync
from ..platform import existing_auth, platform
from ..postgres import RunningServer, Server, ServerRequest, server_lost, statement_timeout
from ..process import progress
from .check import LoadFailure, Subject

# How much is kept of the statements that failed, and of how many.
_SHOWN = 2000
_NAMED = 100


def find(settings: Settings, rootdir: Path) -> Project:
    """Return the project that the settings name, or the one found below ``rootdir``."""
    return migrations.find(
        rootdir,
        settings.migrations,
        settings.upto,
        before=settings.before,
        setup=settings.setup,
        seeds=settings.seeds,
        hook=settings.load,
    )


@contextmanager
def prepare(settings: Settings, found: Project) -> Iterator[tuple[Subject, RunningServer]]:
    """Start the server, apply the project's migrations and watch a signup; undo it all at the end.

    What is loaded serves the whole run, other processes included, and no other run: an ordinary
    project loads in some 50 ms, and an image of its cluster would take as long to copy.

    Nothing of ours is left on a server reached by DSN. An own server disappears as a whole, unless
    it was detached meanwhile.

    Raises:
        UserSyncError: no server, no project, or a project that cannot be read.
    """
    with (
        start(settings) as running,
        server_lost.detect(running.server, "the run was prepared"),
        statement_timeout.watching(running.server, settings.statement_timeout),
        template_database(running.server) as template,
    ):
        stop = settings.stop
        with server_lost.detect(running.server, "the migrations were applied"):
            loaded = migrations.load(running.server, template, found, stop=stop)
        drawn = Chance(f"{settings.exploration.seed} discovery")
        with server_lost.detect(running.server, "a signup was observed"), using(drawn):
            prepared = discover_sync(running.server, found, loaded, settings.policies, stop=stop)
        asked = replace(prepared, exploration=settings.exploration, upkeep=settings.upkeep)
        yield asked, running


def start(settings: Settings) -> RunningServer:
    """Start the server that the settings name, or one that is found, with our platform."""
    with progress.doing("starting PostgreSQL"):
        return postgres.start(ServerRequest(settings.dsn, settings.binaries), platform.seed())


def discover_sync(
    running: Server,
    found: Project,
    loaded: LoadedProject,
    policies: Policies,
    *,
    stop: bool = False,
) -> Subject:
    """Return the subject that a loaded project is, once a signup was watched.

    Where loading was to ``stop`` at the first failure and did, there is no sync to watch.
    """
    stopped = stop and bool(loaded.failures)
    with progress.doing("observing a signup"):
        sync = Sync() if stopped else _understood(running, loaded, found)
        failed = sync.blocked.failure if sync.blocked else None
        if failed and failed.sqlstate in ("", *server_lost.ENDED):
            server_lost.require(running, "a signup was observed")
            sync = _understood(running, loaded, found)
    failures = tuple(map(_load_failure, loaded.failures))
    return Subject(
        running, found, loaded.database, sync, policies, failures, stopped, notes=loaded.unclosed
    )


def _understood(running: Server, loaded: LoadedProject, found: Project) -> Sync:
    """Return what a watched signup tells.

    Raises:
        ProjectError: the project answers with an error where what it wrote is only looked at.
    """
    try:
        return discover.discover(running, loaded.database, found)
    except Error as error:
        if server_lost.ended(error) or no_room(error):
            raise
        failure = describe(error, found)
        said = one_line(f"{failure.sqlstate} {failure.message}")
        place = failure.location
        shown = place and migrations.show_path(Path.cwd(), found.root / place.file)
        where = f" ({shown}:{place.line})" if place else ""
    raise ProjectError(
        f"The project prevents reading what a signup wrote: {said}{where}. Reading its tables,"
        " and creating a temporary function, must raise no error."
    )


@contextmanager
def template_database(running: Server) -> Iterator[str]:
    """Yield the template that a project's migrations are applied to."""
    with existing_auth.adopt(running, platform.template(running)) as template:
        yield template


def hand_over(subject: Subject) -> postgres.Secret:
    """Return the subject as text, without the project, which every process finds by itself."""
    text = json.dumps(
        {
            "server": subject.server.to_json(),
            "database": subject.database,
            "fingerprint": subject.project.fingerprint(),
            "sync": subject.sync.to_json(),
            "load_failures": [asdict(failure) for failure in subject.load_failures],
            "stopped": subject.stopped,
            "exploration": asdict(subject.exploration),
            "upkeep": asdict(subject.upkeep),
            "notes": subject.notes,
        }
    )
    return postgres.Secret(text)


def take_over(text: str, found: Project, policies: Policies) -> Subject:
    """Return the subject that another process prepared and handed over.

    Raises:
        ProjectError: a byte of the project has changed since then.
    """
    data = json.loads(text)
    data["server"] = postgres.Secret(data["server"])
    if data["fingerprint"] != found.fingerprint():
        raise ProjectError(f"{found.origin} changed while the run started. Run it again.")
    return Subject(
        postgres.Server.from_json(data["server"]),
        found,
        data["database"],
        Sync.from_json(data["sync"]),
        policies,
        tuple(rebuild(LoadFailure, one) for one in data["load_failures"]),
        data["stopped"],
        Exploration(**data["exploration"]),
        Upkeep(**data["upkeep"]),
        tuple(data["notes"]),
    )


def _load_failure(failed: MigrationFailure) -> LoadFailure:
    return LoadFailure(
        str(failed.migration.path),
        cut_sql(replace_stray_bytes(failed.statement.text)) if failed.statement else "",
        failed.failure,
        tuple(replace_stray_bytes(one.text[:_SHOWN]) for one in failed.missed[:_NAMED]),
        tuple(one.place()[0] for one in failed.missed[:_NAMED]),
        failed.migration.role,
    )
