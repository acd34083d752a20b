"""US702: a migration is never applied, because of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ...check import Needs, Trial, check
from ...finding import Finding, Level, Location

HISTORY = "insert into supabase_migrations.schema_migrations (version, name)"


@check("US702", level=Level.ERROR, needs=Needs.PROJECT)
def duplicate_version(trial: Trial) -> Iterable[Finding]:
    """No two migrations share a version; none would be skipped by its name.

    The Supabase CLI keeps a history whose primary key is the version, the digits before the first
    underscore. A second file of one version fails at the entry into the history (23505), is rolled
    back whole, and stops the deployment: the trigger it creates never reaches production. It
    happens when two branches create a migration on the same day, with versions made by hand.

    A file whose name is not `<digits>_<name>.sql` is skipped with one line that nobody reads.
    """
    project = trial.subject.project
    by_version = sorted(project.migrations, key=lambda migration: migration.version)
    for version, group in groupby(by_version, key=lambda migration: migration.version):
        first, *others = [migration.path for migration in group]
        for other in others:
            yield _shared(version, first, other, project.root)
    yield from _skipped(project.skipped, project.root)


def _shared(version: str, first: Path, other: Path, root: Path) -> Finding:
    return Finding(
        summary=f"{first.name} and {other.name} share the version {version}: the second one is"
        " never applied",
        sql=f"{HISTORY} values ('{version}', '{_name(first)}');\n"
        f"{HISTORY} values ('{version}', '{_name(other)}');\n",
        remedy=f"Rename {other.name} to a version of its own, later than all that it needs:\n"
        f"mv {_shown(other, root)} {_shown(other.with_name(_next(version, other)), root)}",
        location=Location(_shown(other, root), 1),
    )


def _skipped(skipped: Iterable[tuple[Path, str]], root: Path) -> Iterator[Finding]:
    for path, reason in skipped:
        if path.suffix.lower() == ".sql":
            yield Finding(
                summary=f"{path.name} is skipped by the Supabase CLI: {reason}",
                sql=path.read_text(encoding="utf-8-sig", errors="replace"),
                remedy="Rename it to <version>_<name>.sql, the version being the digits of its"
                " time: 20260131120000_name.sql. What is no migration belongs elsewhere.",
                location=Location(_shown(path, root), 1),
            )


def _name(path: Path) -> str:
    return path.stem.partition("_")[2].replace("'", "''")


def _next(version: str, path: Path) -> str:
    return f"{int(version) + 1:0{len(version)}d}_{path.stem.partition('_')[2]}.sql"


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
