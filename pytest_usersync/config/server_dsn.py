"""The connection string of a server that pytest-postgresql starts or knows."""

from __future__ import annotations

from typing import Protocol

import pytest

from ..model.errors import ConfigurationError

# What stands for the server that pytest-postgresql's options and ini values name.
THEIRS = "pytest-postgresql"


class Process(Protocol):
    """A server that pytest-postgresql's fixtures know, such as ``postgresql_proc``.

    The type of what the fixture ``usersync_server`` may return.
    """

    @property
    def host(self) -> str:
        """The host, or the folder of its socket."""

    @property
    def port(self) -> int | str:
        """The port."""

    @property
    def user(self) -> str:
        """The user, who must be a superuser."""

    @property
    def password(self) -> str | None:
        """The password, if one is needed."""

    @property
    def options(self) -> str:
        """What connections are opened with."""


def of_process(process: Process) -> str:
    """Return the connection string of the server behind a process fixture."""
    return _conninfo(
        host=process.host,
        port=str(process.port),
        user=process.user,
        password=process.password,
        options=process.options,
    )


def of_options(config: pytest.Config) -> str:
    """Return the connection string of the server that a ``noproc`` fixture would use."""
    # pytest-postgresql is always installed, but `-p no:…` can leave it out.
    if not hasattr(config.option, "postgresql_host"):
        raise ConfigurationError(
            f"The DSN is {THEIRS}, but this plugin is not loaded. Load it, or give a DSN."
        )
    names = ("host", "port", "user", "password", "options")
    return _conninfo(**{name: _option(config, f"postgresql_{name}") for name in names})


def _option(config: pytest.Config, name: str) -> str:
    # The order in which pytest-postgresql reads them.
    return str(config.getoption(name) or config.getini(name) or "")


def _conninfo(**words: str | None) -> str:
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    return make_conninfo(**{name: word for name, word in words.items() if word})
