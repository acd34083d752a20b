"""All checks, and choosing among them."""

from __future__ import annotations

import difflib
import functools
import importlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from .. import checks
from ..model.errors import ConfigurationError, UserSyncError
from ..runner.check import Check

_CODE = re.compile(r"US[1-9][0-9]{2}")
# The decorator as every check writes it; `_index` reads it without importing the check.
_DECLARES = re.compile(r'^@check\(\s*"([^"]*)"', re.MULTILINE)


class BadCheckFile(UserSyncError):
    """A file on the shelf that does not declare exactly one check of its own name."""


@functools.cache
def every() -> tuple[Check, ...]:
    """Return all checks by code; raise ``BadCheckFile`` when the shelf is not in order."""
    return shelve(map(importlib.import_module, sorted(_index().values())))


def shelve(modules: Iterable[ModuleType]) -> tuple[Check, ...]:
    """Return the check of each module, sorted by code; refuse a code or a name used twice."""
    found: dict[str, Check] = {}
    for module in modules:
        check = declared(module)
        for known in (check.code, check.name):
            if known in found:
                raise BadCheckFile(
                    f"{module.__name__} declares {known}, as another file does. Give each check"
                    " its own code and name."
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
        if not any(_matches(code, word) for code in _index()):
            raise ConfigurationError(
                f"{word!r} is neither a check nor a prefix of one. {_near(word)}"
            )
    chosen = [
        module
        for code, module in _index().items()
        if (not select or any(_matches(code, word) for word in select))
        and not any(_matches(code, word) for word in ignore)
    ]
    if not chosen:
        raise ConfigurationError(
            f"Selecting {', '.join(select) or 'all checks'} and ignoring"
            f" {', '.join(ignore) or 'none'} leaves no check. Ignore fewer checks."
        )
    return shelve(map(importlib.import_module, chosen))


def find(word: str) -> Check:
    """Return the check of one code or name, in any case; raise ``ConfigurationError``."""
    for code, module in _index().items():
        if word.lower() in (code.lower(), _name(module)):
            return declared(importlib.import_module(module))
    raise ConfigurationError(f"{word!r} is not a check. {_near(word)}")


def _matches(code: str, word: str) -> bool:
    return code.startswith(word.upper())


def _near(word: str) -> str:
    known = {code.lower(): (code, _name(module)) for code, module in _index().items()}
    known |= {name: (code, name) for code, name in known.values()}
    # A word may be a mistyped code or a mistyped name.
    near = difflib.get_close_matches(word.lower(), known, n=4, cutoff=0.5)
    words = dict.fromkeys(f"{code} ({name})" for code, name in map(known.__getitem__, near))
    start = f"Similar: {', '.join(words)}. " if words else ""
    return f"{start}See pytest --usersync-list."


def _name(module: str) -> str:
    return module.rpartition(".")[2].replace("_", "-")


@functools.cache
def _index() -> dict[str, str]:
    """Return the module of each check by code, as the files declare it.

    Read from their text: to import all of them takes a second, and a run may want one.
    """
    shelf = Path(checks.__path__[0])
    found: dict[str, str] = {}
    for path in shelf.glob("*/[!_]*.py"):
        module = ".".join((checks.__name__, *path.relative_to(shelf).with_suffix("").parts))
        codes = _DECLARES.findall(path.read_text("utf-8"))
        if len(codes) != 1:
            raise BadCheckFile(
                f"{module} declares {len(codes)} checks. A file declares exactly one."
            )
        if codes[0] in found:
            raise BadCheckFile(
                f"{module} declares {codes[0]}, as {found[codes[0]]} does. Give each check its"
                " own code."
            )
        found[codes[0]] = module
    return dict(sorted(found.items()))
