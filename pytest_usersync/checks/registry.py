"""All checks, and choosing among them."""

from __future__ import annotations

import difflib
import functools
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .. import checks
from ..model.errors import ConfigurationError, UserSyncError
from ..runner.check import Check

_CODE = re.compile(r"US[1-9][0-9]{2}")
_ALL = "US"
# The decorator as every check writes it; `read_entries` reads it without importing the check.
_DECLARES = re.compile(r'^@check\(\s*"([^"]*)"', re.MULTILINE)


class BadCheckFile(UserSyncError):
    """A check file that does not declare exactly one check of its own name."""


class Entry(NamedTuple):
    """A check that is not imported yet: a run may want one, and all of them take a second."""

    code: str
    name: str
    load: Callable[[], Check]


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Return what can be checked, by code; raise ``BadCheckFile`` when the files are not right."""
    return read_entries(Path(checks.__path__[0]), checks.__name__)


def read_entries(folder: Path, package: str) -> tuple[Entry, ...]:
    """Return the checks of a package's folder by code, read from the text of their files."""
    found: dict[str, Entry] = {}
    for path in sorted(folder.glob("*/[!_]*.py")):
        module = ".".join((package, *path.relative_to(folder).with_suffix("").parts))
        codes = _DECLARES.findall(path.read_text("utf-8"))
        if len(codes) != 1:
            raise BadCheckFile(
                f"{module} declares {len(codes)} checks. A file declares exactly one."
            )
        entry = Entry(codes[0], path.stem.replace("_", "-"), functools.partial(_load, module))
        for known in (entry.code, entry.name):
            if known in found:
                raise BadCheckFile(
                    f"{module} declares {known}, as another file does. Give each check its own"
                    " code and name."
                )
            found[known] = entry
    return tuple(sorted(set(found.values())))


def _load(module: str) -> Check:
    return declared(importlib.import_module(module))


def every() -> tuple[Check, ...]:
    """Return all checks by code."""
    return tuple(entry.load() for entry in entries())


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
    """Return the checks that a selected word names and no ignored one does.

    Raises:
        ConfigurationError: a word that names no check, or a choice that leaves nothing.
    """
    selected = codes(select or [_ALL])
    ignored = codes(ignore)
    chosen = [entry for entry in entries() if entry.code in selected - ignored]
    if not chosen:
        raise ConfigurationError(
            f"Selecting {', '.join(select) or 'all checks'} and ignoring"
            f" {', '.join(ignore) or 'none'} leaves no check. Ignore fewer checks."
        )
    return tuple(entry.load() for entry in chosen)


def codes(words: Iterable[str]) -> frozenset[str]:
    """Return the codes of the checks that the words name."""
    return frozenset(entry.code for word in words for entry in matching(word))


def matching(word: str) -> tuple[Entry, ...]:
    """Return the checks that a word names, in any case: by code, its beginning, or name.

    Raises:
        ConfigurationError: it names none.
    """
    small = word.lower()
    found = tuple(
        one for one in entries() if one.code.lower().startswith(small) or one.name == small
    )
    if not small or not found:
        raise ConfigurationError(f"{word!r} is neither a check nor a prefix of one. {_near(word)}")
    return found


def find(word: str) -> Check:
    """Return the check of one code or name, in any case; raise ``ConfigurationError``."""
    for entry in entries():
        if word.lower() in (entry.code.lower(), entry.name):
            return entry.load()
    raise ConfigurationError(f"{word!r} is not a check. {_near(word)}")


def _near(word: str) -> str:
    # A word may be a mistyped code or a mistyped name.
    known = {entry.code.lower(): entry for entry in entries()}
    known |= {entry.name: entry for entry in entries()}
    near = difflib.get_close_matches(word.lower(), known, n=4, cutoff=0.5)
    words = dict.fromkeys(f"{known[key].code} ({known[key].name})" for key in near)
    start = f"Similar: {', '.join(words)}. " if words else ""
    return f"{start}See pytest --usersync-list."
