"""Find migrations of other tools, declarative schemas and seeds at their default places."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..model.errors import ConfigurationError, ProjectError
from . import config, layouts
from .config import CONFIG
from .layouts import SourceFile
from .model import Manner, show_path

FOLDER = Path("supabase", "migrations")
SCHEMAS = Path("supabase", "schemas")
SETTING = "usersync_migrations"

Skipped = list[tuple[Path, str]]


def find_elsewhere(rootdir: Path, skipped: Skipped) -> tuple[list[SourceFile], str]:
    """Return the files of the only other tool that has some, and their place.

    Raises:
        ProjectError: no tool has files, or several have.
    """
    found = {place: files for place in layouts.PLACES if (files := find_files(rootdir, place))}
    if not found:
        raise ProjectError(_nothing_found(rootdir))
    if len(found) > 1:
        places = ", ".join(place.as_posix() for place in found)
        raise ProjectError(
            f"No migrations: there is no {FOLDER.as_posix()}, but there are {places}. Set"
            f" {SETTING} to the right one."
        )
    ((place, files),) = found.items()
    if (rootdir / place).is_dir():
        skipped += layouts.find_unlisted(rootdir / place, files)
    return files, place.as_posix()


def find_files(rootdir: Path, place: Path) -> list[SourceFile]:
    """Return the files at one of the default places."""
    path = rootdir / place
    if place == SCHEMAS:
        return [SourceFile(one, one.stem, Manner.BATCH) for one in _schemas(rootdir)]
    if place.name == layouts.PLAN:
        return layouts.list_files(path.parent) or [] if path.is_file() else []
    if path.is_file():
        return [SourceFile(path, path.stem, Manner.SCRIPT)]
    if not path.is_dir():
        return []
    return layouts.list_files(path) or [*_up_and_down(path)]


def _up_and_down(folder: Path) -> Iterator[SourceFile]:
    """Yield the files of dbmate, goose and the like; files that undo a migration are left out."""
    for path in sorted(folder.glob("*.sql"), key=lambda path: os.fsencode(path.name)):
        if not layouts.is_way_down(path.name):
            yield SourceFile(path, path.stem, Manner.BATCH)


def _schemas(rootdir: Path) -> list[Path]:
    """Return the files of the declarative schema in the order of the CLI."""
    paths = config.value(rootdir, "db", "migrations", "schema_paths")
    if isinstance(paths, list) and paths:
        return config.matches(rootdir, paths)
    return sorted((rootdir / SCHEMAS).rglob("*.sql"))


def seeds(rootdir: Path) -> list[Path]:
    """Return the seeds that the Supabase CLI would load after a reset.

    Raises:
        ConfigurationError: there are no seeds, or ``config.toml`` disables them.
    """
    if config.value(rootdir, "db", "seed", "enabled") is False:
        raise ConfigurationError(
            f"{CONFIG.as_posix()} sets [db.seed] enabled = false: the Supabase CLI loads no seed."
            " Enable seeds, or remove usersync_seeds."
        )
    given = config.value(rootdir, "db", "seed", "sql_paths")
    patterns = given if isinstance(given, list) else ["./seed.sql"]
    if found := config.matches(rootdir, patterns):
        return found
    raise ConfigurationError(
        f"usersync_seeds is set, but {', '.join(map(str, patterns))} matches no file in"
        f" {rootdir / 'supabase'}. Correct [db.seed] sql_paths, or remove usersync_seeds."
    )


def _nothing_found(rootdir: Path) -> str:
    if Path(FOLDER).is_dir() and Path.cwd() != rootdir:
        return (
            f"No migrations: pytest's rootdir is {rootdir}, which has no {FOLDER.as_posix()}; the"
            " one in the working directory is not used. Write --option=VALUE with =, because"
            " pytest may take a path after a space for a test path; or set --rootdir."
        )
    below = [*rootdir.glob(f"*/{FOLDER}"), *rootdir.glob(f"*/*/{FOLDER}")]
    hint = "to the folder of your migrations, relative to pytest's rootdir"
    if below:
        hint = f"to {' or '.join(show_path(rootdir, path) for path in sorted(below))}"
    return f"No migrations: there is no {rootdir / FOLDER}. Set {SETTING} {hint}."
