"""All checks on the shelf, and choosing among them."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Sequence
from types import ModuleType

from . import checks
from .check import Check
from .choices import CHOICES
from .errors import ConfigurationError, UserSyncError

_CODE = re.compile(r"US[1-9][0-9]{2}")


class BadCheckFile(UserSyncError):
    """A file on the shelf that does not declare exactly one check of its own name."""


@functools.cache
def every() -> tuple[Check, ...]:
    """Return all checks by code; raise ``BadCheckFile`` when the shelf is not in order."""
    return shelve(_modules(checks))


def shelve(modules: Iterable[ModuleType]) -> tuple[Check, ...]:
    """Return the check of each module, sorted by code; refuse a code or a name used twice."""
    found: dict[str, Check] = {}
    for module in modules:
        check = declared(module)
        for known in (check.code, check.name):
            if known in found:
                raise BadCheckFile(
                    f"{module.__name__} declares {known}, as another file does. "
                    "Give each check a code and a name of its own."
                )
            found[known] = check
    return tuple(sorted(set(found.values()), key=lambda check: check.code))


def declared(module: ModuleType) -> Check:
    """Return the one check that a module declares under the module's name."""
    found = [value for value in vars(module).values() if isinstance(value, Check)]
    if len(found) != 1:
        raise BadCheckFile(
            f"{module.__name__} declares {len(found)} checks. A file declares exactly one."
        )
    check = found[0]
    expected = module.__name__.rpartition(".")[2].replace("_", "-")
    if check.name != expected:
        raise BadCheckFile(
            f"{module.__name__} declares {check.name}. Name the function like its file."
        )
    if not _CODE.fullmatch(check.code):
        raise BadCheckFile(f"{module.__name__} has the code {check.code}. Use US and three digits.")
    if not check.promise:
        raise BadCheckFile(
            f"{module.__name__} has no docstring. Its first paragraph is the promise."
        )
    return check


def choose(select: Sequence[str], ignore: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks whose code starts with a selected word and with no ignored one.

    Raises:
        ConfigurationError: a word that no code starts with, or a choice that leaves nothing.
    """
    for word in (*select, *ignore):
        if not any(_matches(check, word) for check in every()):
            raise ConfigurationError(
                f"{word!r} is neither a check nor the beginning of one. {_near(word)}"
            )
    chosen = tuple(
        check
        for check in every()
        if (not select or any(_matches(check, word) for word in select))
        and not any(_matches(check, word) for word in ignore)
    )
    if not chosen:
        raise ConfigurationError(
            f"Selecting {', '.join(select) or 'all checks'} and ignoring "
            f"{', '.join(ignore) or 'none'} leaves nothing to judge. Ignore less."
        )
    return chosen


def find(word: str) -> Check:
    """Return the check of one code or name, in any case; raise ``ConfigurationError``."""
    for check in every():
        if word.lower() in (check.code.lower(), check.name):
            return check
    raise ConfigurationError(f"{word!r} is not a check. {_near(word)}")


def policies(check: Check) -> list[str]:
    """Return the policies on which the check's judgement depends, as its file mentions them."""
    text = inspect.getsource(inspect.getmodule(check.run) or check.run)
    mentioned = set(re.findall(r"\b(?:policies\.|usersync_)(\w+)", text))
    return [name for name in CHOICES if name in mentioned]


def _matches(check: Check, word: str) -> bool:
    return check.code.startswith(word.upper())


def _near(word: str) -> str:
    known = {check.code.lower(): check for check in every()}
    known |= {check.name: check for check in every()}
    near = difflib.get_close_matches(word.lower(), known, n=4, cutoff=0.5)
    words = dict.fromkeys(f"{known[key].code} ({known[key].name})" for key in near)
    start = f"Near ones: {', '.join(words)}. " if words else ""
    return f"{start}See pytest --usersync-list."


def _modules(package: ModuleType) -> list[ModuleType]:
    def fail(name: str) -> None:
        raise BadCheckFile(f"{name} cannot be imported. Mend the file.")

    walk = pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=fail)
    return [
        importlib.import_module(info.name)
        for info in walk
        if not info.ispkg and not info.name.rpartition(".")[2].startswith("_")
    ]
