"""What the user typed, as opposed to what ``addopts`` and the environment add to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from . import options

VALUED = frozenset(one.flag for one in options.OPTIONS if one.kind != "flag")
_JUDGING = frozenset(one.flag for one in options.OPTIONS if one.judges)


def typed(config: pytest.Config) -> Iterator[str]:
    """Yield the arguments that were typed, those of an ``@file`` one by one, as argparse does."""
    return _unfolded(config.invocation_params.args)


def judges(config: pytest.Config) -> bool:
    """Return whether this is a run of checks.

    It is by ``--usersync``, wherever it stands, and by a typed option that can mean nothing else.
    In ``addopts`` such an option says how to judge, not that every run of the project's tests does.
    """
    return options.flag(config) or asked(config)


def asked(config: pytest.Config) -> bool:
    """Return whether a run of checks was typed, by ``--usersync`` or what implies it."""
    return any(one.partition("=")[0] in _JUDGING for one in typed(config))


def values(config: pytest.Config, flag: str) -> list[str]:
    """Return the values that were typed for one option."""
    pairs = [one.partition("=") for one in join(typed(config))]
    return [value for name, _, value in pairs if name == flag]


def join(arguments: Iterable[str]) -> list[str]:
    """Return the arguments with ``=`` between an option of ours and its value."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in VALUED and not argument.startswith("-"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _unfolded(arguments: Iterable[str]) -> Iterator[str]:
    for argument in arguments:
        # pytest's parser takes such files; `invocation_params` still has their names.
        if argument.startswith("@"):
            yield from _unfolded(Path(argument[1:]).read_text(encoding="utf-8").splitlines())
        else:
            yield argument
