"""Find a project's migrations, in the order and with the omissions of the Supabase CLI."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import ConfigurationError, ProjectError
from .model import Migration, Project, shown

CONFIG = Path("supabase", "config.toml")
FOLDER = Path("supabase", "migrations")
SETTING = "usersync_migrations"

_NAME = re.compile(r"([0-9]+)_(.*)\.sql")
_LEGACY = re.compile(r"([0-9]{14})_init\.sql")
_LEGACY_UNTIL = 20211209000000


def find(rootdir: Path, configured: Sequence[Path] = (), upto: str | None = None) -> Project:
    """Return the migrations below ``rootdir``, up to and including the version ``upto``.

    Args:
        rootdir: where ``supabase/`` stands, and what relative paths start from.
        configured: folders or files to use instead, in this order. A file counts whatever its
            name; of a folder, if no name is one of the CLI's, every ``.sql`` file counts.
        upto: the last version to apply.

    Raises:
        ProjectError: nothing found, or a file that cannot be read.
        ConfigurationError: a path or version that does not exist, or migrations are switched off.
    """
    skipped: list[tuple[Path, str]] = []
    if configured:
        paths = _configured(rootdir, configured, skipped)
        origin = ", ".join(shown(rootdir, rootdir / path) for path in configured)
    else:
        paths = _conventional(rootdir, skipped)
        origin = FOLDER.as_posix()
    if not paths:
        raise ProjectError(_empty(rootdir, origin, skipped))
    config = rootdir / CONFIG
    return Project(
        root=rootdir,
        origin=origin,
        migrations=_until(upto, tuple(_read(rootdir, path) for path in paths)),
        skipped=tuple(skipped),
        config=config if config.is_file() else None,
    )


def _conventional(rootdir: Path, skipped: list[tuple[Path, str]]) -> list[Path]:
    folder = rootdir / FOLDER
    if not folder.is_dir():
        raise ProjectError(_nowhere(rootdir))
    if _switched_off(rootdir):
        raise ConfigurationError(
            f"{CONFIG.as_posix()} sets [db.migrations] enabled = false: the Supabase CLI applies "
            f"none. Enable them, or name the files in {SETTING}."
        )
    return list(_chosen(folder, skipped))


def _configured(
    rootdir: Path, configured: Sequence[Path], skipped: list[tuple[Path, str]]
) -> list[Path]:
    paths: list[Path] = []
    for given in configured:
        path = rootdir / given
        if path.is_dir():
            paths += _chosen(path, skipped, plain=True)
        elif path.exists():
            paths.append(path)
        else:
            raise ConfigurationError(
                f"{SETTING} names {given}, which is not below {rootdir}. "
                "Name folders or .sql files, relative to pytest's rootdir."
            )
    return list(dict.fromkeys(paths))


def _chosen(
    folder: Path, skipped: list[tuple[Path, str]], *, plain: bool = False
) -> Iterator[Path]:
    """Yield the files of one folder that count, in byte order of their names; note the others."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise ProjectError(f"{folder} cannot be read: {error.strerror}. Allow it.") from error
    plain = plain and not any(_NAME.fullmatch(entry.name) for entry in entries)
    for place, entry in enumerate(entries):
        if entry.name.startswith(".") or (entry.is_dir() and not entry.is_symlink()):
            continue
        if reason := _why_not(entry, first=place == 0, plain=plain):
            skipped.append((entry, reason))
        else:
            yield entry


def _why_not(entry: Path, *, first: bool, plain: bool) -> str:
    if plain:
        return "" if entry.suffix == ".sql" else "not a .sql file"
    legacy = _LEGACY.search(entry.name) if first else None
    if legacy and int(legacy[1]) < _LEGACY_UNTIL:
        return 'a first migration named "init" is one of the CLI\'s own from before December 2021'
    return "" if _NAME.fullmatch(entry.name) else 'the name is not "<timestamp>_name.sql"'


def _read(rootdir: Path, path: Path) -> Migration:
    name = shown(rootdir, path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise ProjectError(
            f"{name} cannot be read: {error.strerror}. Mend or remove it."
        ) from error
    except UnicodeDecodeError as error:
        place = _byte_place(content, error.start)
        raise ProjectError(f"{name} is not UTF-8: {place}. Save it as UTF-8.") from error
    if "\0" in text:
        place = _byte_place(content, content.index(0))
        raise ProjectError(f"{name} is not text: {place}. Save it as UTF-8.")
    cli = _NAME.fullmatch(path.name)
    return Migration(path, *((cli[1], cli[2]) if cli else (path.stem, path.stem)), text)


def _byte_place(content: bytes, offset: int) -> str:
    line = content.count(b"\n", 0, offset) + 1
    return f"byte 0x{content[offset]:02x} at offset {offset}, line {line}"


def _until(upto: str | None, migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
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
    return tuple(one for one in migrations if one.version <= upto)


def _switched_off(rootdir: Path) -> bool:
    path = rootdir / CONFIG
    if not path.is_file():
        return False
    try:
        table: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{CONFIG.as_posix()} cannot be read: {error}. Mend it, the Supabase CLI needs it too."
        ) from error
    for key in ("db", "migrations", "enabled"):
        table = table.get(key) if isinstance(table, dict) else None
    return table is False


def _nowhere(rootdir: Path) -> str:
    elsewhere = [*rootdir.glob(f"*/{FOLDER}"), *rootdir.glob(f"*/*/{FOLDER}")]
    hint = "to the folder of your migrations, relative to pytest's rootdir"
    if elsewhere:
        hint = f"to {_listed(rootdir, sorted(elsewhere))}"
    return f"No migrations: there is no {rootdir / FOLDER}. Set {SETTING} {hint}."


def _empty(rootdir: Path, origin: str, skipped: list[tuple[Path, str]]) -> str:
    if not skipped:
        return f"No migrations: {origin} holds no .sql file. Add one, or set {SETTING}."
    reasons = "; ".join(f"{shown(rootdir, path)}: {reason}" for path, reason in skipped[:3])
    more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"No migrations: {origin} holds none that counts ({reasons}{more}). Rename them."


def _listed(rootdir: Path, paths: Iterable[Path]) -> str:
    return " or ".join(shown(rootdir, path) for path in paths)
