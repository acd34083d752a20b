"""Read the options into the settings of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from . import address, given
from .choices import CHOICES
from .chores.monitored import Monitoring
from .errors import ConfigurationError, UserSyncError, no_room
from .options import flag
from .policy import Policies
from .settings import Exploration, Settings, Upkeep
from .visible import LIMIT, one_line

_SQL = re.compile(r"(?i)(call|do|insert|merge|select|with)\b.*\S", re.DOTALL)
_SETTINGS = pytest.StashKey[Settings]()


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
        raise pytest.UsageError(one_line(str(error), LIMIT)) from None
    except Exception as error:
        if not (told := no_room(error)):
            raise
        raise pytest.UsageError(told) from None


def report_path(config: pytest.Config) -> Path | None:
    """Return where the JSON is to be written, if it is, however wrong the other options are."""
    return given.writable(config, "report")


def pack_folder(config: pytest.Config) -> Path | None:
    """Return the folder that the pack is to be written to, if it is."""
    return next((path for path, _ in given.paths(config, "write-pack")), None)


def _read(config: pytest.Config) -> Settings:
    return Settings(
        active=flag(config),
        dsn=_dsn(config),
        binaries=given.folder(config, "pg-bin"),
        migrations=given.existing(config, "migrations"),
        upto=given.text(config, "upto"),
        before=given.by_hand(config, "before"),
        setup=given.by_hand(config, "setup"),
        seeds=flag(config, "seeds"),
        load=given.function(config, "load"),
        stop=flag(config, "stop"),
        statement_timeout=given.seconds(config, "statement-timeout"),
        select=given.words(config, "select"),
        ignore=given.words(config, "ignore"),
        strict=flag(config, "strict"),
        report=given.writable(config, "report"),
        baseline=_baseline(config),
        baseline_update=flag(config, "baseline-update"),
        keep=flag(config, "keep"),
        exploration=_exploration(config),
        upkeep=_upkeep(config),
        policies=_policies(config),
    )


def _dsn(config: pytest.Config) -> str | None:
    told = given.text(config, "dsn")
    if told is None:
        return None
    from .server import Secret  # noqa: PLC0415

    return Secret(address.of_options(config) if told == address.THEIRS else told)


def _baseline(config: pytest.Config) -> Path | None:
    update = flag(config, "baseline-update")
    for path, source in given.paths(config, "baseline"):
        given.no_folder(path, source)
        if update:
            given.in_folder(path, source)
        elif not path.exists():
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


def _exploration(config: pytest.Config) -> Exploration:
    usual = Exploration()
    return Exploration(
        given.number(config, "seed", usual.seed),
        given.number(config, "max-examples", usual.examples),
    )


def _upkeep(config: pytest.Config) -> Upkeep:
    return Upkeep(
        _backfill(config),
        _monitoring(config),
        given.script(config, "verify"),
        given.script(config, "rollback"),
    )


def _backfill(config: pytest.Config) -> str:
    told = given.raw(config, "backfill")
    if told is None:
        return ""
    value = told.values[-1].strip()
    if value.lower().endswith(".sql"):
        return given.script(config, "backfill")
    if not _SQL.match(value):
        raise ConfigurationError(
            f"{told.source}: {value} is no SQL that runs a backfill. Write call app.backfill(), "
            "select app.fill(), or the path of a file that ends in .sql."
        )
    return value


def _monitoring(config: pytest.Config) -> str:
    told = given.raw(config, "monitoring")
    if told is None:
        return ""
    try:
        Monitoring.written(told.values[-1])
    except ConfigurationError as error:
        raise ConfigurationError(f"{told.source}: {error}") from None
    return told.values[-1].strip()


def _policies(config: pytest.Config) -> Policies:
    written = {name: config.getini(f"usersync_{name}") for name in CHOICES}
    return Policies(**{name: str(value) for name, value in written.items() if value})
