"""The database in which a pack is tried: the project and the pack, loaded, watched, judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .. import migrations
from ..checks import registry
from ..migrations import Migration
from ..model.settings import Upkeep
from ..platform import platform
from ..postgres.database import drop
from ..process import progress
from ..runner.check import Check, Subject
from ..runner.sandbox_pool import SandboxPool
from ..runner.subject import discover_sync
from ..runner.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Draft:
    """A migration that is not written yet; ``name`` is that of its file without the version."""

    name: str
    text: str


@contextmanager
def load_with(
    base: Subject, drafts: list[Draft], upkeep: Upkeep | None = None
) -> Iterator[Subject]:
    """Load the project with these migrations behind its own, and watch a signup."""
    whole = base.project
    mine = tuple(
        Migration(
            whole.root / f"pack/{number}_{one.name}.sql", f"9{number:013}", one.name, one.text
        )
        for number, one in enumerate(drafts)
    )
    # Seeds and hooks come behind the migrations; the pack is made for what they leave.
    if whole.after or whole.hook:
        whole = replace(whole, after=(*whole.after, *mine))
    else:
        whole = replace(whole, migrations=(*whole.migrations, *mine))
    loaded = migrations.load(base.server, platform.template(base.server), whole)
    try:
        subject = discover_sync(base.server, whole, loaded, base.policies)
        yield replace(subject, exploration=base.exploration, upkeep=upkeep or Upkeep())
    finally:
        drop(base.server, loaded.database)


def judge(subject: Subject, only: tuple[str, ...]) -> list[Verdict]:
    """Return the verdicts of the checks whose code starts with one of these."""
    with SandboxPool(subject) as sandboxes:
        return [
            _attempted(sandboxes, check, case)
            for check in registry.every()
            if check.code.startswith(only)
            for case in check.cases or ("",)
        ]


def _attempted(sandboxes: SandboxPool, check: Check, case: str) -> Verdict:
    with progress.doing(f"judging the pack by {check.code}"):
        return sandboxes.attempt(check, case)


def broken_codes(verdicts: Iterable[Verdict]) -> set[str]:
    """Return the codes of the promises that are broken."""
    return {one.code for one in verdicts if one.findings}


def refused(base: Subject, subject: Subject) -> list[str]:
    """Return what PostgreSQL said of the files that the project itself would not have failed."""
    before = {failure.file for failure in base.load_failures}
    return [
        f"{Path(failure.file).name}: {failure.failure.sqlstate} {failure.failure.message}"
        for failure in subject.load_failures
        if failure.file not in before
    ]
