"""Make the subject of a run once, hand it to the other processes of the run, and clear it away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import database, platform, project, server, watch
from .check import LoadFailure, Subject
from .finding import Failure, Location
from .policy import Policies
from .project import MigrationFailure, Project
from .server import RunningServer, Server, ServerRequest
from .settings import Settings
from .sync import Sync


def find(settings: Settings, rootdir: Path) -> Project:
    """Return the project that the settings name, or the one found below ``rootdir``."""
    return project.find(rootdir, settings.migrations, settings.upto)


@contextmanager
def prepare(settings: Settings, found: Project) -> Iterator[tuple[Subject, RunningServer]]:
    """Start the server, apply the project's migrations and watch a signup; undo it all at the end.

    Nothing of ours is left on a server reached by DSN. An own server disappears as a whole, unless
    it was detached meanwhile.

    Raises:
        UserSyncError: no server, no project, or a project that cannot be read.
    """
    request = ServerRequest(settings.dsn, settings.binaries)
    with server.start(request, platform.seed()) as running, _platform(running.server) as template:
        loaded = project.load(running.server, template, found)
        try:
            failure = _load_failure(loaded.failure) if loaded.failure else None
            sync = Sync() if failure else watch.watch(running.server, loaded.database, found)
            subject = Subject(
                running.server, found, loaded.database, sync, settings.policies, failure
            )
            yield subject, running
        finally:
            if not running.server.own:
                database.drop(running.server, loaded.database)


@contextmanager
def _platform(running: Server) -> Iterator[str]:
    try:
        yield platform.template(running)
    finally:
        platform.forget(running)


def hand_over(subject: Subject) -> str:
    """Return the subject as text, without the project, which every process finds by itself."""
    failure = subject.load_failure
    return json.dumps(
        {
            "server": subject.server.to_json(),
            "database": subject.database,
            "sync": subject.sync.to_json(),
            "load_failure": asdict(failure) if failure else None,
        }
    )


def take_over(text: str, found: Project, policies: Policies) -> Subject:
    """Return the subject that another process prepared and handed over."""
    data = json.loads(text)
    return Subject(
        server.Server.from_json(data["server"]),
        found,
        data["database"],
        Sync.from_json(data["sync"]),
        policies,
        _from_data(data["load_failure"]) if data["load_failure"] else None,
    )


def _load_failure(failed: MigrationFailure) -> LoadFailure:
    statement = failed.statement.text if failed.statement else ""
    return LoadFailure(str(failed.migration.path), statement, failed.failure)


def _from_data(data: Mapping[str, Any]) -> LoadFailure:
    place = data["failure"]["location"]
    failure = Failure(**{**data["failure"], "location": Location(**place) if place else None})
    return LoadFailure(**{**data, "failure": failure})
