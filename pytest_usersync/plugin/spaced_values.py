"""A second start of pytest, for values of our options that stand after a space and are paths.

pytest looks for its root and its ini file before it knows the options of plugins. A value such as
that of ``--usersync-report old.json`` is then one of the tests to run, if it exists, and pytest may
find the ini file of another project, or none. Nothing public corrects that later, so pytest is
started again with ``--usersync-report=old.json``.
"""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest

from ..config.command_line import VALUED, join, typed

_ENVIRONMENT = "PYTEST_ADDOPTS"


class _Start(NamedTuple):
    """What pytest is to be started with."""

    arguments: list[str]
    environment: str


_AGAIN = pytest.StashKey[_Start]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, args: list[str]
) -> Generator[None, None, object]:
    """Let the first start do nothing if there is to be a second one."""
    given = [*typed(early_config)]
    added = shlex.split(os.environ.get(_ENVIRONMENT, ""))
    here = early_config.invocation_params.dir
    if _misleads(given, here) or _misleads(added, here):
        early_config.stash[_AGAIN] = _Start(join(given), shlex.join(join(added)))
        # An ini file and conftests that are not the project's may know none of its options.
        args[:] = [str(here)]
        early_config.known_args_namespace.noconftest = True
    return (yield)


def start_again(config: pytest.Config) -> int | None:
    """Run pytest with the values in their place, and return its exit code; None if they are."""
    if _AGAIN not in config.stash:
        return None
    start = config.stash[_AGAIN]
    with pytest.MonkeyPatch.context() as patch:
        if start.environment:
            patch.setenv(_ENVIRONMENT, start.environment)
        return pytest.main(start.arguments, plugins=config.invocation_params.plugins)


def _misleads(arguments: list[str], here: Path) -> bool:
    """Tell whether pytest takes the value of an option for the path of a test."""
    pairs = itertools.pairwise(arguments)
    return any(
        option in VALUED and os.path.exists(here / value.partition("::")[0])  # noqa: PTH110
        for option, value in pairs
    )
