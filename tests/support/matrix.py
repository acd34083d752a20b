"""Parameters of which the suite takes a few; ``tox -e matrix`` takes the others as well."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

import pytest

# Every check on every design takes too long for every commit: `tox -e matrix` asks for it.
WHOLE = bool(os.environ.get("USERSYNC_WHOLE_MATRIX"))

_ParameterSet = type(pytest.param())


def few(values: Iterable[object], kept: Collection[object]) -> list[object]:
    """Return all values as parameters; those that are not ``kept`` are marked ``matrix``.

    Of a ``pytest.param`` it is the id that is kept.
    """
    return [one if _name(one) in kept else _left_out(one) for one in values]


def _name(one: object) -> object:
    return one.id if isinstance(one, _ParameterSet) else one


def _left_out(one: object) -> object:
    if isinstance(one, _ParameterSet):
        return pytest.param(*one.values, id=one.id, marks=[*one.marks, pytest.mark.matrix])
    return pytest.param(one, marks=pytest.mark.matrix)
