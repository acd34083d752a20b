"""What loading a project gives: a database, and what was said while it was made."""

from __future__ import annotations

from dataclasses import dataclass

from .apply_errors import MigrationFailure
from .model import Migration


@dataclass(frozen=True, slots=True)
class Notice:
    """What PostgreSQL said beside its results; ``severity`` is one of its words, ``WARNING``."""

    severity: str
    text: str
    migration: Migration


@dataclass(frozen=True, slots=True)
class Loaded:
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
