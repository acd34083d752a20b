"""What a project's migrations are to the floors above."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

from ..finding import Location
from .split import Statement, split


@dataclass(frozen=True)
class Migration:
    """One file as the CLI sees it; ``text`` keeps line ends and byte order mark as they are."""

    path: Path
    version: str
    name: str
    text: str = field(repr=False)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return the statements as the CLI would send them."""
        return tuple(split(self.text))

    def line(self, number: int) -> str:
        """Return one line of the file without its end; lines count from 1."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip() if 0 < number <= len(lines) else ""


@dataclass(frozen=True)
class Project:
    """A project's migrations in the order they are applied.

    Args:
        root: the folder that shown paths start from.
        origin: where the migrations were found, for people.
        skipped: files that are not applied, each with the reason.
        config: the ``config.toml`` that was read, if there is one.
    """

    root: Path
    origin: str
    migrations: tuple[Migration, ...]
    skipped: tuple[tuple[Path, str], ...] = ()
    config: Path | None = None

    def fingerprint(self) -> str:
        """Return a digest of everything that decides what the loaded database holds."""
        parts = [(one.version, one.name, one.text) for one in self.migrations]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def duplicates(self) -> tuple[tuple[Migration, ...], ...]:
        """Return the groups of migrations that share a version; the CLI stops at the second."""
        ordered = sorted(self.migrations, key=lambda one: one.version)
        groups = (tuple(same) for _, same in groupby(ordered, lambda one: one.version))
        return tuple(group for group in groups if len(group) > 1)

    def shown(self, path: Path) -> str:
        """Return a path as messages show it: from the root, with forward slashes."""
        return shown(self.root, path)

    def location(self, migration: Migration, line: int, column: int = 1) -> Location:
        """Return a place in one of the files, with the text of its line."""
        return Location(self.shown(migration.path), line, column, migration.line(line))


def shown(root: Path, path: Path) -> str:
    """Return a path as messages show it: from ``root`` when that is shorter, forward slashes."""
    # Another drive of Windows cannot be reached from the root.
    near = path.drive == root.drive and Path(os.path.relpath(path, root)).as_posix()
    return near if near and len(near) < len(str(path)) else str(path)
