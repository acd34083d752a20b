"""Judge a project at every migration: which one brought a finding in, and which one mended it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ... import migrations
from ...migrations import LoadStep, Manner, Migration, Project, blank_comments
from ...model.finding import Outcome
from ...model.settings import Settings
from ...postgres import Server, database, server_lost, statement_timeout
from ...postgres.clones import Clones
from ...process import progress
from ...runner import subject
from ...runner.check import Check, Subject
from ...runner.sandbox import Sandbox
from ...runner.shared_cache import SharedCache
from ...runner.verdict import attempted, merged
from . import digest

# What a file does to the users can leave no trace where there are none.
_USERS = re.compile(r"""\bauth"?\s*\.\s*"?users\b""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stop:
    """The project as it is after one migration.

    Args:
        outcomes: of every check by its code; those of the stop before where nothing has changed.
        judged: whether it was judged here.
        synced: whether a signup left a profile.
    """

    migration: Migration
    outcomes: Mapping[str, Outcome]
    judged: bool
    synced: bool

    @property
    def name(self) -> str:
        """Return the file's name, or the function's that was called in a file's place."""
        return self.migration.name if self.called else self.migration.path.name

    @property
    def called(self) -> bool:
        """Tell whether a function was called in a file's place."""
        return self.migration.manner is Manner.HOOK


def walk(
    settings: Settings, found: Project, checks: Sequence[Check], said: Callable[[str], None]
) -> Iterator[Stop]:
    """Yield the project at each migration, and at each file that is applied after the last one.

    It is judged only where something has changed that a promise can hang on: what is declared,
    rows of the project's tables, a file that failed or speaks of ``auth.users``. Elsewhere the
    verdicts are those of the migration before.

    Args:
        said: is told where the walk has come to, because it takes its time.
    """
    with (
        subject.start(settings) as running,
        server_lost.detect(running.server, "the project was judged"),
        statement_timeout.watching(running.server, settings.statement_timeout),
        subject.template_database(running.server) as template,
        migrations.load_stepwise(running.server, template, found, stop=settings.stop) as steps,
    ):
        known = _imprint(running.server, template)
        stop: Stop | None = None
        for step in steps:
            seen = _imprint(running.server, step.loaded.database)
            # What was made by hand before is the start, and no migration to blame.
            if any(step.migration is one for one in found.before):
                continue
            if seen != known or step.failure or _speaks(step.migration):
                said(f"judging at {step.migration.path.name}")
                stop = _judged(running.server, settings, step, checks)
            else:
                stop = replace(stop or _nothing(step), migration=step.migration, judged=False)
            known = seen
            yield stop


def _imprint(running: Server, name: str) -> str:
    with closing(database.connect(running, name, database.HARNESS)) as connection:
        return digest.take(connection)


def _speaks(migration: Migration) -> bool:
    return bool(_USERS.search(blank_comments(migration.text)))


def _nothing(step: LoadStep) -> Stop:
    return Stop(step.migration, {}, judged=False, synced=False)


def _judged(running: Server, settings: Settings, step: LoadStep, checks: Sequence[Check]) -> Stop:
    with Clones(running) as clones:
        name = clones.take(step.loaded.database, "walk")
        loaded = replace(step.loaded, database=name)
        watched = subject.discover_sync(
            running, step.project, loaded, settings.policies, stop=settings.stop
        )
        asked = replace(watched, exploration=settings.exploration, upkeep=settings.upkeep)
        with closing(SharedCache()) as cache:
            outcomes = {}
            for number, check in enumerate(checks, 1):
                with progress.doing(f"judging {check.code}", number, len(checks)):
                    outcomes[check.code] = outcome(asked, check, cache)
    synced = bool(asked.sync.targets) and not asked.sync.blocked
    return Stop(step.migration, outcomes, judged=True, synced=synced)


def outcome(asked: Subject, check: Check, cache: SharedCache) -> Outcome:
    """Return the outcome of a check on a database of its own."""
    with Sandbox(asked, cache) as sandbox:
        return merged(attempted(check, case, sandbox) for case in check.cases or ("",))
