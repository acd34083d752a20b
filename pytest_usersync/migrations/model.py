"""A project's migrations, and what applying them gives."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from pathlib import Path

from ..model.finding import Failure, Location
from .psql_script import cut
from .split import Statement, split

# A byte that is no UTF-8, in a text that was read with "surrogateescape".
_STRAY = re.compile("[\udc80-\udcff]")
_LINE = 1000
_MARK = "\ufeff"
# Why other tools than the Supabase CLI leave a file out.
UNLISTED = "the journal of the migration tool does not list it"
UNDOES = "it reverts another file"


class Manner(StrEnum):
    """How a file is applied."""

    CLI = "cli"  # as a migration of the Supabase CLI: one transaction, with its history row
    BATCH = "batch"  # one transaction, as other tools and the CLI itself with roles.sql do
    SEED = "seed"  # one transaction, every statement prepared before the first one runs
    SCRIPT = "script"  # statement by statement, as psql: dumps, and what was written by hand
    HOOK = "hook"  # no file: a function of the project, called with a DSN


@dataclass(frozen=True)
class Migration:
    """One file as it is applied; ``text`` keeps line ends and byte order mark as they are.

    Args:
        version: its key in the CLI's history.
        text: parts that are not applied, such as a "down" part, are blank; a byte that is no UTF-8
            is a lone surrogate, which PostgreSQL refuses.
        role: for a file that is no migration: ``"before"``, ``"setup"``, ``"roles"``, ``"seed"`` or
            ``"hook"``.
        unreadable: why there is no text.
    """

    path: Path
    version: str
    name: str
    text: str = field(repr=False)
    manner: Manner = Manner.CLI
    role: str = ""
    unreadable: Failure | None = None

    @property
    def is_one_transaction(self) -> bool:
        """Tell whether this is a migration that is applied as one transaction."""
        batch = self.manner in (Manner.CLI, Manner.BATCH)
        return batch and not self.role and not self.unreadable

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return the statements as the tool of this file sends them."""
        # Only the CLI cuts a file by rules of its own; see `split`.
        if self.manner in (Manner.CLI, Manner.SEED) or self.role == "roles":
            return tuple(split(self.text))
        return tuple(cut(self.text))

    def line(self, number: int) -> str:
        """Return one line of the file without its end; lines count from 1."""
        start = 0
        for _ in range(number - 1):
            start = self.text.find("\n", start) + 1
            if not start:
                return ""
        end = self.text.find("\n", start)
        line = self.text[start : end if end >= 0 else None].rstrip().removeprefix(_MARK)
        return replace_stray_bytes(line)[:_LINE]


@dataclass(frozen=True)
class Project:
    """A project's migrations in the order they are applied, and what goes before and after them.

    Args:
        root: the folder that shown paths start from.
        origin: where the migrations were found, for people.
        skipped: files that are not applied, each with the reason.
        config: the ``config.toml`` that was read, if there is one.
        before: ``roles.sql``, and what was made by hand before the first migration.
        after: what was made by hand after the last one, and seeds.
        hook: ``module:function`` that does the rest of the migrations.
        whole: whether all migrations are taken, or only those up to a version.
    """

    root: Path
    origin: str
    migrations: tuple[Migration, ...]
    skipped: tuple[tuple[Path, str], ...] = ()
    config: Path | None = None
    before: tuple[Migration, ...] = ()
    after: tuple[Migration, ...] = ()
    hook: str = ""
    whole: bool = True

    @cached_property
    def files(self) -> tuple[Migration, ...]:
        """Return every file in the order they are applied; the hook comes before ``after``."""
        return (*self.before, *self.migrations, *self.after)

    def hook_path(self) -> Path:
        """Return the file that the hook's module is most likely in."""
        return module_path(self.root, self.hook)

    def fingerprint(self) -> str:
        """Return a digest of every file that decides what the loaded database holds."""
        digest = hashlib.sha256(self.hook.encode())
        for one in self.files:
            head = json.dumps([one.version, one.name, one.manner, one.role, len(one.text)])
            digest.update(head.encode() + one.text.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    @property
    def misnamed(self) -> tuple[tuple[Path, str], ...]:
        """Return the files that the Supabase CLI skips because of their names."""
        return tuple(one for one in self.skipped if one[1] not in (UNLISTED, UNDOES))

    @property
    def unapplied(self) -> tuple[tuple[Path, str], ...]:
        """Return the SQL files among these, which are no migrations although they look like it."""
        return tuple(one for one in self.misnamed if one[0].suffix.lower() == ".sql")

    def duplicates(self) -> tuple[tuple[Migration, ...], ...]:
        """Return the groups of migrations that share a version; the CLI stops at the second."""
        recorded = (one for one in self.migrations if one.manner is Manner.CLI)
        ordered = sorted(recorded, key=lambda one: one.version)
        groups = (tuple(same) for _, same in groupby(ordered, lambda one: one.version))
        return tuple(group for group in groups if len(group) > 1)

    def show_path(self, path: Path) -> str:
        """Return a path as messages show it: from the root, with forward slashes."""
        return show_path(self.root, path)

    def display_name(self, file: Migration) -> str:
        """Return what messages call a file, or a function that is called in a file's place."""
        return file.name if file.manner is Manner.HOOK else self.show_path(file.path)

    def location(
        self, migration: Migration, line: int, column: int = 1, end: tuple[int, int] | None = None
    ) -> Location:
        """Return a place in one of the files, with the text of its line, whose end ends it."""
        source = migration.line(line)
        if line == 1 and migration.text.startswith(_MARK):
            column = max(1, column - 1)  # No editor counts the byte order mark.
        shown = self.show_path(migration.path)
        return Location(shown, line, column, source, *(end or (line, len(source) + 1)))


@dataclass(frozen=True, slots=True)
class MigrationFailure:
    """A file that does not apply as a whole.

    Args:
        statement: the first one that failed; without one it failed at the CLI's history row.
        missed: every statement that was not done in the end, when the file was taken again
            statement by statement.
    """

    migration: Migration
    statement: Statement | None
    failure: Failure
    missed: tuple[Statement, ...] = ()

    def __str__(self) -> str:
        return f"{self.failure.location}: {self.failure.message}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What PostgreSQL said beside its results; ``severity`` is one of its words, ``WARNING``."""

    severity: str
    text: str
    migration: Migration


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A database with what could be applied.

    Args:
        failures: one for each file that did not apply as a whole, in their order.
        applied: the files that did.
        unclosed: a sentence for each session that a function of the project left open.
        left_out: how many statements of dumps were left out because they are the platform's.
    """

    database: str
    failures: tuple[MigrationFailure, ...]
    applied: tuple[Migration, ...]
    notices: tuple[Notice, ...]
    left_out: int = 0
    unclosed: tuple[str, ...] = ()

    @property
    def failure(self) -> MigrationFailure | None:
        """Return the first failure, where the CLI would have stopped."""
        return self.failures[0] if self.failures else None


def hook_migration(path: Path, name: str, role: str = "hook") -> Migration:
    """Return a function of the project as what is applied; ``name`` is ``module:function``."""
    return Migration(path, name, name, "", Manner.HOOK, role)


def module_path(root: Path, hook: str) -> Path:
    """Return the file that the module of ``module:function`` is most likely in."""
    return root.joinpath(*hook.partition(":")[0].split(".")).with_suffix(".py")


def show_path(root: Path, path: Path) -> str:
    """Return a path as messages show it: from ``root`` when that is shorter, forward slashes."""
    # Another drive of Windows cannot be reached from the root.
    near = path.drive == root.drive and Path(os.path.relpath(path, root)).as_posix()
    return near if near and len(near) < len(str(path)) else str(path)


def replace_stray_bytes(text: str) -> str:
    """Return a text that can be printed: without the bytes of it that are no UTF-8."""
    return _STRAY.sub("\ufffd", text)
