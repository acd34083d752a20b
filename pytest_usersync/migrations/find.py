"""Find a project's migrations, in the order in which their tool applies them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..model.errors import ConfigurationError, ProjectError
from . import config, layouts, other_tools
from .config import CONFIG
from .layouts import SourceFile
from .model import UNDOES, Manner, Migration, Project, hook_migration, module_path, show_path
from .other_tools import FOLDER, SCHEMAS, SETTING, Skipped, find_elsewhere, find_files
from .read_file import read

ROLES = Path("supabase", "roles.sql")

_NAME = re.compile(r"([0-9]+)_(.*)\.sql")
_LEGACY = re.compile(r"([0-9]{14})_init\.sql")
# The CLI skips a first migration of this name that is older (pkg/migration/list.go).
_LEGACY_UNTIL = 20211209000000


def find(
    rootdir: Path,
    configured: Sequence[Path] = (),
    upto: str | None = None,
    *,
    before: Sequence[Path | str] = (),
    setup: Sequence[Path | str] = (),
    seeds: bool = False,
    hook: str = "",
) -> Project:
    """Return the migrations below ``rootdir``, up to and including the version ``upto``.

    Without ``supabase/migrations`` it takes the files of another tool, if only one has some. A file
    that cannot be read is part of the project; loading it fails.

    Args:
        rootdir: where ``supabase/`` stands, and what relative paths start from.
        configured: folders or files to use instead, in this order. A file may have any name. If
            no file of a folder has a name of the CLI's form, all its ``.sql`` files are taken.
        upto: the last version to apply.
        before: SQL files with what was made by hand before the first migration, and functions of
            the project that make it, as ``module:function``.
        setup: the same for what was made by hand after the last migration.
        seeds: whether the seeds of ``[db.seed]`` are loaded at the end.
        hook: ``module:function`` that migrates; with it no SQL files are needed.

    Raises:
        ProjectError: nothing found.
        ConfigurationError: a path or version does not exist, or migrations are disabled.
    """
    skipped: Skipped = []
    if configured:
        files = _find_configured(rootdir, configured, skipped)
        origin = ", ".join(show_path(rootdir, rootdir / path) for path in configured)
    elif hook and not (rootdir / FOLDER).is_dir():
        files, origin = [], hook
    else:
        files, origin = _find_conventional(rootdir, skipped)
    if not files and not hook:
        raise ProjectError(_empty(rootdir, origin, skipped))
    roles = [] if configured or not (rootdir / ROLES).is_file() else [rootdir / ROLES]
    given = rootdir / CONFIG
    found = tuple(read(rootdir, file) for file in files)
    migrations = _keep_until(upto, found)
    return Project(
        root=rootdir,
        origin=origin,
        migrations=migrations,
        skipped=tuple(skipped),
        config=given if given.is_file() else None,
        before=(
            *_read_others(rootdir, roles, Manner.BATCH, "roles"),
            *_read_others(rootdir, before, Manner.SCRIPT, "before"),
        ),
        after=(
            *_read_others(rootdir, setup, Manner.SCRIPT, "setup"),
            *_read_others(
                rootdir, other_tools.seeds(rootdir) if seeds else [], Manner.SEED, "seed"
            ),
        ),
        hook=hook,
        whole=len(migrations) == len(found),
    )


def _find_conventional(rootdir: Path, skipped: Skipped) -> tuple[list[SourceFile], str]:
    folder = rootdir / FOLDER
    if not folder.is_dir():
        return find_elsewhere(rootdir, skipped)
    if config.value(rootdir, "db", "migrations", "enabled") is False:
        raise ConfigurationError(
            f"{CONFIG.as_posix()} sets [db.migrations] enabled = false: the Supabase CLI applies"
            f" no migration. Enable migrations, or name the files in {SETTING}."
        )
    chosen = _choose(folder, skipped)
    files = [SourceFile(path, path.stem, Manner.CLI, as_is=True) for path in chosen]
    return files, FOLDER.as_posix()


def _find_configured(
    rootdir: Path, configured: Sequence[Path], skipped: Skipped
) -> list[SourceFile]:
    found: list[SourceFile] = []
    for given in configured:
        path = rootdir / given
        if path.is_dir():
            found += _list_folder(rootdir, path, skipped)
        elif path.name == layouts.PLAN and path.is_file():
            found += layouts.list_files(path.parent) or []
        elif path.exists():
            found.append(SourceFile(path, path.stem, Manner.CLI))
        else:
            raise ConfigurationError(
                f"{SETTING} names {given}, which is not in {rootdir}. Name folders or .sql files,"
                " relative to pytest's rootdir."
            )
    return list({file.path: file for file in reversed(found)}.values())[::-1]


def _list_folder(rootdir: Path, folder: Path, skipped: Skipped) -> list[SourceFile]:
    if folder == rootdir / SCHEMAS:
        return find_files(rootdir, SCHEMAS)
    if listed := layouts.list_files(folder):
        skipped += layouts.find_unlisted(folder, listed)
        return listed
    ours = folder.match(str(FOLDER))
    chosen = _choose(folder, skipped, foreign=not ours)
    return [SourceFile(path, path.stem, Manner.CLI, as_is=ours) for path in chosen]


def _read_others(
    rootdir: Path, paths: Iterable[Path | str], manner: Manner, role: str
) -> Iterator[Migration]:
    for path in paths:
        if isinstance(path, str):
            yield hook_migration(module_path(rootdir, path), path, role)
        elif (rootdir / path).is_dir():
            yield from _read_others(rootdir, sorted((rootdir / path).glob("*.sql")), manner, role)
        else:
            yield read(rootdir, SourceFile(rootdir / path, path.stem, manner), role)


def _choose(folder: Path, skipped: Skipped, *, foreign: bool = False) -> Iterator[Path]:
    """Yield the files of a folder to apply, in byte order of their names; list the others."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be read: {error.strerror}. Allow this user to read it."
        ) from error
    plain = foreign and not any(_NAME.fullmatch(entry.name) for entry in entries)
    for place, entry in enumerate(entries):
        if entry.name.startswith(".") or (entry.is_dir() and not entry.is_symlink()):
            continue
        if foreign and layouts.is_way_down(entry.name):
            skipped.append((entry, UNDOES))
        elif reason := _why_not(entry, first=place == 0, plain=plain):
            skipped.append((entry, reason))
        else:
            yield entry


def _why_not(entry: Path, *, first: bool, plain: bool) -> str:
    if plain:
        return "" if entry.suffix == ".sql" else "not a .sql file"
    legacy = _LEGACY.search(entry.name) if first else None
    if legacy and int(legacy[1]) < _LEGACY_UNTIL:
        return (
            'the CLI treats a first migration named "init" as its own file from before December'
            " 2021"
        )
    return "" if _NAME.fullmatch(entry.name) else 'the name is not "<timestamp>_name.sql"'


def _keep_until(upto: str | None, migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """Keep the versions up to ``upto``; the CLI compares them as strings."""
    if upto is None:
        return migrations
    versions = sorted({one.version for one in migrations})
    if upto not in versions:
        below = [version for version in versions if version < upto][-1:]
        above = [version for version in versions if version > upto][:1]
        raise ConfigurationError(
            f"No migration has the version {upto!r}. The nearest: {', '.join(below + above)}."
        )
    # Versions of other tools are not in the order of their strings: there the place counts.
    last = max(place for place, one in enumerate(migrations) if one.version == upto)
    return tuple(
        one
        for place, one in enumerate(migrations)
        if (one.version <= upto if one.manner is Manner.CLI else place <= last)
    )


def _empty(rootdir: Path, origin: str, skipped: Skipped) -> str:
    # Nobody stands in the root only because the files are found from there.
    parts = ((one, rootdir / one) for one in origin.split(", "))
    origin = ", ".join(show_path(Path.cwd(), path) if path.exists() else one for one, path in parts)
    if not skipped:
        return f"No migrations: {origin} has no .sql file. Add one, or set {SETTING}."
    reasons = "; ".join(f"{show_path(Path.cwd(), path)}: {why}" for path, why in skipped[:3])
    more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"No migrations: {origin} holds no valid one ({reasons}{more}). Rename the files."
