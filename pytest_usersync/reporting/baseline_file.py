"""The file of a baseline, which people read, edit and review."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path

from ..model.errors import ConfigurationError
from ..model.safe_text import in_toml, travelling
from ..process import textfiles
from ..runner.check import Check
from .baseline import Baseline, Entry

_HEAD = """\
# Findings that this project accepts: they are shown and counted, and fail no run.
# `reason` is yours to write. `expires = 2027-06-30`, if you add it, is the last day that an entry
# counts. pytest --usersync --usersync-baseline-update rewrites this file: reasons and dates stay,
# other comments go, and so do the findings that are no more.
version = 2
"""
VERSION = 2
_KEYS = ("check", "cases", "finding", "times", "reason", "expires")


def read(path: Path, find: Callable[[str], Check], *, update: bool) -> Baseline:
    """Return what a file accepts; with ``update`` the file need not be there yet.

    Args:
        path: the file.
        find: returns the check of a code or name, or raises ``ConfigurationError``.
        update: whether the file will be written anew.

    Raises:
        ConfigurationError: a file that is no TOML, or an entry that cannot be meant.
    """
    if update and not path.exists():
        return Baseline(path, update=True)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}. Correct it.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    version, entries = data.pop("version", None), data.pop("accepted", [])
    if data or not isinstance(entries, list):
        # A misspelt key would otherwise accept nothing, and nobody would notice.
        word = next(iter(data), "accepted")
        raise ConfigurationError(f"{path}: {word!r} is unknown. Write [[accepted]] entries.")
    old = _is_old(path, version, update=update) if entries or version is not None else False
    known = tuple(_entry(path, number, one, find) for number, one in enumerate(entries, 1))
    return Baseline(path, known, update, old)


def _is_old(path: Path, version: object, *, update: bool) -> bool:
    """Tell whether a file is of version 1, which is read only to be rewritten."""
    if version is None and not update:
        raise ConfigurationError(
            f"{path} is a baseline of version 1. Run once with --usersync-baseline-update: it"
            " rewrites the file and keeps reasons and dates."
        )
    if version not in (None, VERSION):
        raise ConfigurationError(
            f"{path}: version = {version!r} is unknown. This pytest-usersync reads {VERSION}."
        )
    return version is None


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write the file, whole or not at all; raise ``ConfigurationError`` when it cannot be."""
    textfiles.write(path, "\n".join([_HEAD, *map(_format_entry, entries)]))


def _entry(path: Path, number: int, data: object, find: Callable[[str], Check]) -> Entry:
    place = f"{path}, entry {number}"
    if not isinstance(data, dict):
        raise ConfigurationError(f"{place} is not a table. Write [[accepted]] above it.")
    if unknown := sorted(data.keys() - {*_KEYS}):
        raise ConfigurationError(f"{place}: {unknown[0]!r} is unknown. Use {', '.join(_KEYS)}.")
    about = data.get("finding")
    try:
        check = find(str(data.get("check", "")))
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from None
    if not isinstance(about, str) or not about.strip():
        raise ConfigurationError(
            f"{place}: finding is missing. --usersync-baseline-update adds it."
        )
    named = data.get("cases", [])
    known = ", ".join(check.cases) or "none"
    if not isinstance(named, list) or not all(one in check.cases for one in named):
        raise ConfigurationError(
            f"{place}: {named!r} are not cases of {check.code}. It has {known}."
        )
    if check.cases and not named:
        raise ConfigurationError(f"{place}: cases is missing. {check.code} has {known}.")
    reason = data.get("reason", "")
    if not isinstance(reason, str):
        raise ConfigurationError(f"{place}: reason = {reason!r} is not a text. Put it in quotes.")
    expires, times = _date(place, data.get("expires")), data.get("times", 1)
    # Not `isinstance`: to Python `true` is the number 1.
    if type(times) is not int or times < 1:
        raise ConfigurationError(f"{place}: times = {times!r} is not a number from 1.")
    return Entry(check.code, tuple(named), about, reason, expires, times)


def _date(place: str, given: object) -> date | None:
    # TOML's date with a time is a datetime, which is a date to Python.
    if given is None or (isinstance(given, date) and not isinstance(given, datetime)):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise ConfigurationError(
            f"{place}: expires = {str(given)!r} is not a date. Write it as 2027-06-30."
        ) from None


def _format_entry(entry: Entry) -> str:
    lines = ["[[accepted]]", f"check = {_text(entry.code)}"]
    if entry.cases:
        lines.append(f"cases = [{', '.join(map(_text, entry.cases))}]")
    lines.append(f"finding = {_text(entry.finding)}")
    if entry.times > 1:
        lines.append(f"times = {entry.times}")
    lines.append(f"reason = {_text(entry.reason)}")
    if entry.expires:
        lines.append(f"expires = {entry.expires.isoformat()}")
    return "\n".join([*lines, ""])


def _text(value: str) -> str:
    """Return a text as TOML has it, which is as JSON has it, but in UTF-8 and without halves."""
    return in_toml(json.dumps(travelling(value), ensure_ascii=False))
