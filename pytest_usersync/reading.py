"""Read the options: what was typed wins over the environment, and that over the ini file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from . import address
from .choices import CHOICES
from .chores.monitored import Monitoring
from .errors import ConfigurationError, UserSyncError
from .options import BY_NAME, Option, flag
from .policy import Policies
from .settings import Exploration, Settings, Upkeep

_FUNCTION = re.compile(r"[\w.]+:\w+")
_SQL = re.compile(r"(?i)(call|do|insert|merge|select|with)\b.*\S", re.DOTALL)
_SETTINGS = pytest.StashKey[Settings]()


class Given(NamedTuple):
    """What the user wrote, where, and the folder its relative paths start from."""

    values: tuple[str, ...]
    source: str
    base: Path


def settings(config: pytest.Config) -> Settings:
    """Return the settings of this run; raise ``pytest.UsageError`` when one is wrong."""
    if _SETTINGS not in config.stash:
        with usage_errors():
            config.stash[_SETTINGS] = _read(config)
    return config.stash[_SETTINGS]


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what the user can put right into pytest's usage error: one line, exit code 4."""
    try:
        yield
    except UserSyncError as error:
        raise pytest.UsageError(" ".join(str(error).split())) from None


def text(config: pytest.Config, name: str) -> str | None:
    """Return the value of one text option, or None when it was not given."""
    given = _given(config, BY_NAME[name])
    return given.values[-1] if given else None


def source(config: pytest.Config, name: str) -> str:
    """Return where one option was given: its flag, its variable or its ini key; else nothing."""
    given = _given(config, BY_NAME[name])
    return given.source if given else ""


def report_path(config: pytest.Config) -> Path | None:
    """Return where the JSON is to be written, if it is, however wrong the other options are."""
    return _writable(config, "report")


def pack_folder(config: pytest.Config) -> Path | None:
    """Return the folder that the pack is to be written to, if it is."""
    return next((path for path, _ in _paths(config, "write-pack")), None)


def _read(config: pytest.Config) -> Settings:
    return Settings(
        active=flag(config),
        dsn=_dsn(config),
        binaries=_folder(config, "pg-bin"),
        migrations=_existing(config, "migrations"),
        upto=text(config, "upto"),
        before=_by_hand(config, "before"),
        setup=_by_hand(config, "setup"),
        seeds=flag(config, "seeds"),
        load=_function(config, "load"),
        stop=flag(config, "stop"),
        select=_words(config, "select"),
        ignore=_words(config, "ignore"),
        strict=flag(config, "strict"),
        report=_writable(config, "report"),
        baseline=_baseline(config),
        baseline_update=flag(config, "baseline-update"),
        keep=flag(config, "keep"),
        exploration=_exploration(config),
        upkeep=_upkeep(config),
        policies=_policies(config),
    )


def _given(config: pytest.Config, option: Option) -> Given | None:
    typed = config.getoption(option.key)
    if typed is not None:
        values = tuple(typed) if isinstance(typed, list) else (str(typed),)
        if not all(value.strip() for value in values):
            raise ConfigurationError(f"{option.flag} is empty. Give it a value or leave it out.")
        return Given(values, option.flag, config.invocation_params.dir)
    if option.env and os.environ.get(option.env):
        return Given((os.environ[option.env],), option.env, config.invocation_params.dir)
    written = config.getini(option.key) if option.ini else None
    if not written:
        return None
    values = (written,) if isinstance(written, str) else tuple(map(str, written))
    return Given(values, option.key, config.inipath.parent if config.inipath else config.rootpath)


def _dsn(config: pytest.Config) -> str | None:
    given = text(config, "dsn")
    return address.of_options(config) if given == address.THEIRS else given


def _paths(config: pytest.Config, name: str) -> list[tuple[Path, str]]:
    given = _given(config, BY_NAME[name])
    if given is None:
        return []
    folders = [given.base / Path(value).expanduser() for value in given.values]
    return [(Path(os.path.normpath(path)), given.source) for path in folders]


def _folder(config: pytest.Config, name: str) -> Path | None:
    for path, source in _paths(config, name):
        if not path.is_dir():
            raise ConfigurationError(
                f"{source}: {path} is not a folder. Give the one that holds postgres and initdb."
            )
        return path
    return None


def _existing(config: pytest.Config, name: str) -> tuple[Path, ...]:
    return tuple(_present(path, source) for path, source in _paths(config, name))


def _present(path: Path, source: str) -> Path:
    if not path.exists():
        raise ConfigurationError(
            f"{source}: {path} does not exist. Give a folder of migrations or one .sql file."
        )
    return path


def _by_hand(config: pytest.Config, name: str) -> tuple[Path | str, ...]:
    """Return files and functions, in the order they were given."""
    given = _given(config, BY_NAME[name])
    if given is None:
        return ()
    files = zip(given.values, _paths(config, name), strict=True)
    return tuple(value if _FUNCTION.fullmatch(value) else _present(*file) for value, file in files)


def _function(config: pytest.Config, name: str) -> str:
    given = _given(config, BY_NAME[name])
    if given is None:
        return ""
    if not _FUNCTION.fullmatch(given.values[-1]):
        raise ConfigurationError(
            f"{given.source}: {given.values[-1]} is not module:function. Name a function that "
            "takes the DSN of a database and migrates it."
        )
    return given.values[-1]


def _writable(config: pytest.Config, name: str) -> Path | None:
    for path, source in _paths(config, name):
        if not path.parent.is_dir():
            raise ConfigurationError(
                f"{source}: the folder {path.parent} does not exist. Make it first."
            )
        if path.is_dir():
            raise ConfigurationError(f"{source}: {path} is a folder. Give the name of a file.")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ConfigurationError(
                f"{source}: {path} cannot be written. Give a file in a folder that is yours."
            )
        return path
    return None


def _baseline(config: pytest.Config) -> Path | None:
    update = flag(config, "baseline-update")
    for path, source in _paths(config, "baseline"):
        if path.is_dir():
            raise ConfigurationError(f"{source}: {path} is a folder. Give the name of a file.")
        if update and not path.parent.is_dir():
            raise ConfigurationError(
                f"{source}: the folder {path.parent} does not exist. Make it first."
            )
        if not update and not path.exists():
            raise ConfigurationError(
                f"{source}: {path} does not exist. Add --usersync-baseline-update to write it."
            )
        return path
    if update:
        raise ConfigurationError(
            "--usersync-baseline-update has no file to write. Name one with --usersync-baseline, "
            "or as usersync_baseline in the ini file."
        )
    return None


def _words(config: pytest.Config, name: str) -> tuple[str, ...]:
    given = _given(config, BY_NAME[name])
    values = given.values if given else ()
    return tuple(word for value in values for word in value.replace(",", " ").split())


def _exploration(config: pytest.Config) -> Exploration:
    usual = Exploration()
    return Exploration(
        _number(config, "seed", usual.seed), _number(config, "max-examples", usual.examples)
    )


def _upkeep(config: pytest.Config) -> Upkeep:
    return Upkeep(
        _backfill(config),
        _monitoring(config),
        _script(config, "verify"),
        _script(config, "rollback"),
    )


def _backfill(config: pytest.Config) -> str:
    given = _given(config, BY_NAME["backfill"])
    if given is None:
        return ""
    value = given.values[-1].strip()
    if value.lower().endswith(".sql"):
        return _script(config, "backfill")
    if not _SQL.match(value):
        raise ConfigurationError(
            f"{given.source}: {value} is no SQL that runs a backfill. Write call app.backfill(), "
            "select app.fill(), or the path of a file that ends in .sql."
        )
    return value


def _monitoring(config: pytest.Config) -> str:
    given = _given(config, BY_NAME["monitoring"])
    if given is None:
        return ""
    try:
        Monitoring.written(given.values[-1])
    except ConfigurationError as error:
        raise ConfigurationError(f"{given.source}: {error}") from None
    return given.values[-1].strip()


def _script(config: pytest.Config, name: str) -> str:
    for path, source in _paths(config, name):
        if not path.is_file():
            raise ConfigurationError(f"{source}: {path} is not a file. Give an .sql file.")
        return str(path)
    return ""


def _number(config: pytest.Config, name: str, otherwise: int) -> int:
    given = _given(config, BY_NAME[name])
    if given is None:
        return otherwise
    value = given.values[-1].strip()
    if not re.fullmatch("[0-9]{1,18}", value):
        raise ConfigurationError(
            f"{given.source}: {given.values[-1]} is not a number. Give a whole one, 0 or more."
        )
    return int(value)


def _policies(config: pytest.Config) -> Policies:
    written = {name: config.getini(f"usersync_{name}") for name in CHOICES}
    return Policies(**{name: str(value) for name, value in written.items() if value})
