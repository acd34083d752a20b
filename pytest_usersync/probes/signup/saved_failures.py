"""Saved failures of random examples, in the project's ``.hypothesis`` for the next run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...auth.request_values import dumps
from .odd_metadata import Metadata

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

# Where Hypothesis keeps the examples of the project's own tests, and beside them.
FOLDER = Path(".hypothesis", "usersync")


class SavedFailures:
    """The examples that one check has to try first.

    Args:
        root: the project's folder.
        code: the check's code.
    """

    def __init__(self, root: Path, code: str) -> None:
        self._folder = root / FOLDER
        self._key = code.encode()

    def examples(self) -> list[Metadata]:
        """Return what is remembered, in an order that does not change."""
        if not self._folder.is_dir():  # Hypothesis takes long to import.
            return []
        return [json.loads(text) for text in sorted(self._database().fetch(self._key))]

    def remember(self, examples: list[Metadata]) -> None:
        """Keep examples; where nothing can be written, nothing is remembered."""
        with suppress(OSError):
            for text in _texts(examples):
                self._database().save(self._key, text)

    def forget(self, examples: list[Metadata]) -> None:
        """Let go of what is no failure any more."""
        with suppress(OSError):
            for text in _texts(examples):
                self._database().delete(self._key, text)

    def _database(self) -> ExampleDatabase:
        from hypothesis.database import DirectoryBasedExampleDatabase  # noqa: PLC0415

        return DirectoryBasedExampleDatabase(self._folder)


def _texts(examples: list[Metadata]) -> Iterator[bytes]:
    return (dumps(example).encode() for example in examples)
