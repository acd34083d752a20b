"""Read the options into the settings of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..model.errors import ConfigurationError, UserSyncError, no_room
from ..model.policy import CHOICES, Policies
from ..model.safe_text import LIMIT, one_line
from ..model.settings import Exploration, Settings, Upkeep
from . import command_line, option_values, reports, server_dsn
from .options import flag

# Enough to tell SQL from a mistyped path; PostgreSQL judges the rest.
_SQL = re.compile(r"(?i)(call|do|insert|merge|select|with)\b.*\S", re.DOTALL)
_SETTINGS = pytest.StashKey[Settings]()


def settings(config: pytest.Config) -> Settings:
    """Return the settings of this run; raise ``pytest.UsageError`` when one is wrong."""
    # Several hooks ask. Options are read, and refused, once.
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
        # pytest prints only the message of a usage error, without a traceback of ours.
        raise pytest.UsageError(one_line(str(error), LIMIT)) from None
    except Exception as error:
        if not (told := no_room(error)):
            raise
        raise pytest.UsageError(told) from None


def pack_folder(config: pytest.Config) -> Path | None:
    """Return the folder that the pack is to be written to, if it is."""
    return next((path for path, _ in option_values.paths(config, "write-pack")), None)


def _read(config: pytest.Config) -> Settings:
    return Settings(
        active=command_line.judges(config),
        dsn=_dsn(config),
        binaries=option_values.folder(config, "pg-bin"),
        migrations=option_values.existing(config, "migrations"),
        upto=option_values.text(config, "upto"),
        before=option_values.by_hand(config, "before"),
        setup=option_values.by_hand(config, "setup"),
        seeds=flag(config, "seeds"),
        load=option_values.function(config, "load"),
        stop=flag(config, "stop"),
        statement_timeout=option_values.seconds(config, "statement-timeout"),
        select=option_values.words(config, "select"),
        ignore=option_values.words(config, "ignore"),
        strict=flag(config, "strict"),
        reports=reports.wanted(config),
        baseline=_baseline(config),
        baseline_update=flag(config, "baseline-update"),
        keep=flag(config, "keep"),
        exploration=_exploration(config),
        upkeep=_upkeep(config),
        policies=_policies(config),
    )


def _dsn(config: pytest.Config) -> str | None:
    told = option_values.text(config, "dsn")
    if told is None:
        return None
    from ..postgres import Secret  # noqa: PLC0415

    # It may hold a password, which no traceback is to show.
    return Secret(server_dsn.of_options(config) if told == server_dsn.THEIRS else told)


def _baseline(config: pytest.Config) -> Path | None:
    update = flag(config, "baseline-update")
    for path, source in option_values.paths(config, "baseline"):
        if update:
            option_values.require_writable(path, source)
        option_values.no_folder(path, source)
        # A mistyped path would accept nothing, and nobody would notice.
        if not update and not path.exists():
            raise ConfigurationError(
                f"{source}: {path} does not exist. Add --usersync-baseline-update to write it."
            )
        return path
    if update:
        raise ConfigurationError(
            "--usersync-baseline-update has no file to write. Name one with --usersync-baseline,"
            " or with usersync_baseline in the ini file."
        )
    return None


def _exploration(config: pytest.Config) -> Exploration:
    usual = Exploration()
    return Exploration(
        option_values.number(config, "seed", usual.seed),
        option_values.number(config, "max-examples", usual.examples),
    )


def _upkeep(config: pytest.Config) -> Upkeep:
    return Upkeep(
        _backfill(config),
        _monitoring(config),
        option_values.script(config, "verify"),
        option_values.script(config, "rollback"),
    )


def _backfill(config: pytest.Config) -> str:
    told = option_values.raw(config, "backfill")
    if told is None:
        return ""
    value = told.values[-1].strip()
    # The option takes SQL or a path, and the ini file has only strings.
    if value.lower().endswith(".sql"):
        return option_values.script(config, "backfill")
    if not _SQL.match(value):
        raise ConfigurationError(
            f"{told.source}: {value} is not SQL that runs a backfill. Write call app.backfill(),"
            " select app.fill(), or the path of a .sql file."
        )
    return value


def _monitoring(config: pytest.Config) -> str:
    told = option_values.raw(config, "monitoring")
    if told is None:
        return ""
    from ..probes.maintenance.monitoring import Monitoring  # noqa: PLC0415

    try:
        # Parsed here only to fail before the run starts; the checks parse it again.
        Monitoring.written(told.values[-1])
    except ConfigurationError as error:
        raise ConfigurationError(f"{told.source}: {error}") from None
    return told.values[-1].strip()


def _policies(config: pytest.Config) -> Policies:
    written = {name: config.getini(f"usersync_{name}") for name in CHOICES}
    return Policies(**{name: str(value) for name, value in written.items() if value})
