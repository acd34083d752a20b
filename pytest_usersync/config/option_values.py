"""The value of one option: the command line wins over the environment, which wins over the ini."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from ..model.errors import ConfigurationError
from . import command_line
from .options import BY_NAME

_FUNCTION = re.compile(r"[\w.]+:\w+")


class Given(NamedTuple):
    """What the user wrote, where, and the folder its relative paths start from."""

    values: tuple[str, ...]
    source: str
    base: Path


def raw(config: pytest.Config, name: str) -> Given | None:
    """Return what was given for an option, or None."""
    given = _given(config, name)
    if given is None:
        return None
    for value in given.values:
        # Python would end with a traceback, as PostgreSQL takes neither.
        if "\0" in value:
            raise ConfigurationError(f"{given.source} has a NUL character. Remove it.")
        if "path" not in BY_NAME[name].kind and _halved(value):
            raise ConfigurationError(f"{given.source} is not UTF-8. Write it in UTF-8.")
    return given


def _halved(value: str) -> bool:
    """Tell whether a text holds bytes that are no text; the name of a file may."""
    return value != value.encode(errors="ignore").decode()


def _given(config: pytest.Config, name: str) -> Given | None:
    option = BY_NAME[name]
    typed = config.getoption(option.key)
    if typed is not None:
        values = tuple(typed) if isinstance(typed, list) else (str(typed),)
        # `--option=$UNSET` in a script: an empty value would silently mean the default.
        if not all(value.strip() for value in values):
            raise ConfigurationError(f"{option.flag} is empty. Give it a value, or remove it.")
        if not isinstance(typed, list):
            _require_one(config, option.flag)
        # Relative to the folder in which the user typed it, not to pytest's rootdir.
        return Given(values, option.flag, config.invocation_params.dir)
    if option.env and os.environ.get(option.env):
        return Given((os.environ[option.env],), option.env, config.invocation_params.dir)
    written = config.getini(option.key) if option.ini else None
    if not written:
        return None
    values = (written,) if isinstance(written, str) else tuple(map(str, written))
    return Given(values, option.key, config.inipath.parent if config.inipath else config.rootpath)


def _require_one(config: pytest.Config, flag: str) -> None:
    """Refuse two values of which only the last would count; ``addopts`` may have another one."""
    different = dict.fromkeys(command_line.values(config, flag))
    if len(different) > 1:
        raise ConfigurationError(f"{flag} is given twice: {', '.join(different)}. Give it once.")


def text(config: pytest.Config, name: str) -> str | None:
    """Return the value of one text option, or None when it was not given."""
    given = raw(config, name)
    return given.values[-1] if given else None


def source(config: pytest.Config, name: str) -> str:
    """Return where one option was given: its flag, its variable or its ini key; else nothing."""
    given = raw(config, name)
    return given.source if given else ""


def words(config: pytest.Config, name: str) -> tuple[str, ...]:
    """Return the words of an option that may be given several times, or hold several."""
    given = raw(config, name)
    values = given.values if given else ()
    # pytest splits the ini value at spaces, but not the command line.
    found = tuple(word for value in values for word in value.replace(",", " ").split())
    if given and not found:
        raise ConfigurationError(f"{given.source} has only commas. Give it a value, or remove it.")
    return found


def number(config: pytest.Config, name: str, otherwise: int) -> int:
    """Return the whole number of an option."""
    given = raw(config, name)
    if given is None:
        return otherwise
    value = given.values[-1].strip()
    # int() would also take 1_000, digits of other scripts, and numbers without an end.
    if not re.fullmatch("[0-9]{1,18}", value):
        raise ConfigurationError(
            f"{given.source}: {given.values[-1]} is not a number. Give a whole number, 0 or more."
        )
    return int(value)


def seconds(config: pytest.Config, name: str) -> float | None:
    """Return the seconds of an option, or None when it was not given."""
    given = raw(config, name)
    if given is None:
        return None
    value = given.values[-1].strip()
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value) or float(value) == 0:
        raise ConfigurationError(
            f"{given.source}: {given.values[-1]} is not a time. Give seconds, more than 0 and less "
            "than a million, such as 30 or 2.5."
        )
    return float(value)


def function(config: pytest.Config, name: str) -> str:
    """Return the ``module:function`` of an option, or nothing."""
    given = raw(config, name)
    if given is None:
        return ""
    if not _FUNCTION.fullmatch(given.values[-1]):
        raise ConfigurationError(
            f"{given.source}: {given.values[-1]} is not module:function. Name a function that "
            "takes the DSN of a database and migrates it."
        )
    return given.values[-1]


def paths(config: pytest.Config, name: str) -> list[tuple[Path, str]]:
    """Return the paths of an option, each with where it was given."""
    given = raw(config, name)
    if given is None:
        return []
    # Path fails where there is no home folder.
    folders = [given.base / os.path.expanduser(value) for value in given.values]  # noqa: PTH111
    # Not resolve(): messages show the link that the user named.
    return [(Path(os.path.normpath(path)), given.source) for path in folders]


def folder(config: pytest.Config, name: str) -> Path | None:
    """Return the folder of an option, which must be there."""
    for path, source in paths(config, name):
        if not path.is_dir():
            raise ConfigurationError(
                f"{source}: {path} is not a folder. Give the folder that holds postgres and initdb."
            )
        return path
    return None


def existing(config: pytest.Config, name: str) -> tuple[Path, ...]:
    """Return the files and folders of an option, which must be there."""
    return tuple(_present(path, source) for path, source in paths(config, name))


def script(config: pytest.Config, name: str) -> str:
    """Return the path of an SQL file, which must be there, or nothing."""
    for path, source in paths(config, name):
        if not path.is_file():
            raise ConfigurationError(f"{source}: {path} is not a file. Give a .sql file.")
        return str(path)
    return ""


def by_hand(config: pytest.Config, name: str) -> tuple[Path | str, ...]:
    """Return files and functions, in the order they were given."""
    given = raw(config, name)
    if given is None:
        return ()
    files = zip(given.values, paths(config, name), strict=True)
    return tuple(value if _FUNCTION.fullmatch(value) else _scripts(*file) for value, file in files)


def writable(config: pytest.Config, name: str) -> list[tuple[Path, str]]:
    """Return the paths of files that can be written, each with where it was given."""
    found = paths(config, name)
    for path, source in found:
        require_writable(path, source)
    return found


def require_writable(path: Path, source: str) -> None:
    """Raise that a file cannot be written; after the run the findings would be lost."""
    in_folder(path, source)
    no_folder(path, source)
    if not _can_write(path):
        raise ConfigurationError(
            f"{source}: {path} cannot be written. Give a file in a folder that you can write."
        )


def _can_write(path: Path) -> bool:
    if path.exists() or not os.access(path.parent, os.W_OK):
        return os.access(path, os.W_OK)
    try:
        # root may write everywhere, says the system, also where nobody can.
        with tempfile.TemporaryFile(dir=path.parent):
            return True
    except OSError:
        return False


def no_folder(path: Path, source: str) -> None:
    """Raise that a folder was given where a file is wanted."""
    if path.is_dir():
        raise ConfigurationError(f"{source}: {path} is a folder. Give the name of a file.")


def in_folder(path: Path, source: str) -> None:
    """Raise that a file cannot be made, for want of its folder."""
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"{source}: the folder {path.parent} does not exist. Create it first."
        )


def _present(path: Path, source: str) -> Path:
    if not path.exists():
        raise ConfigurationError(
            f"{source}: {path} does not exist. Give a folder of migrations or one .sql file."
        )
    return path


def _scripts(path: Path, source: str) -> Path:
    if not path.exists():
        raise ConfigurationError(
            f"{source}: {path} does not exist. Give an SQL file, a folder of them, or"
            " module:function."
        )
    if path.is_dir() and not any(path.glob("*.sql")):
        raise ConfigurationError(f"{source}: {path} has no .sql file. Give a folder that has some.")
    return path
