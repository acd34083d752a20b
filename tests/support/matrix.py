"""Parameters of which the suite takes a few; ``tox -e matrix`` takes the others as well."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import TypeVar

import pytest

T = TypeVar("T")

# Every check on every design takes too long for every commit: `tox -e matrix` asks for it.
WHOLE = bool(os.environ.get("USERSYNC_WHOLE_MATRIX"))


def few(values: Iterable[T], kept: Collection[T]) -> list[object]:
    """Return all values as parameters; those that are not ``kept`` are marked ``matrix``."""
    return [one if one in kept else pytest.param(one, marks=pytest.mark.matrix) for one in values]
