"""Dataclasses that come back from the plain data that ``dataclasses.asdict`` makes of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from itertools import repeat
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def rebuild(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return the dataclass of a kind that was taken apart, also when JSON was made of it since.

    Args:
        kind: a dataclass of texts, numbers, enums, tuples and dataclasses, each of them or None.
        data: its fields by name; those that are missing get their defaults.
    """
    hints = _hints(cast("Hashable", kind))
    return kind(**{name: _value(hints[name], value) for name, value in data.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    # Slow, for it looks up each annotation, and a run has hundreds of verdicts.
    known = get_type_hints(kind)
    return {one.name: known[one.name] for one in fields(kind)}


def _value(hint: Any, value: Any) -> Any:  # noqa: ANN401
    if isinstance(hint, UnionType):
        return None if value is None else _value(get_args(hint)[0], value)
    if get_origin(hint) is tuple:
        # JSON has lists only, and what holds one cannot be hashed.
        inner = get_args(hint)
        each = repeat(inner[0]) if inner[-1] is ... else inner
        return tuple(map(_value, each, value))
    if isinstance(value, Mapping):
        return rebuild(hint, value)
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value
