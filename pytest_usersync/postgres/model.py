"""A server and a request for one, as the rooms above see them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..model.plain_data import rebuild

SUPERUSER = "supabase_admin"
MAINTENANCE = "postgres"
OLDEST = 14


class Secret(str):
    """A text that holds a password: whatever shows its ``repr``, as tracebacks do, shows nothing.

    It is an ordinary text for all who use it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Guest:
    """Say what a run is on a server that somebody else runs.

    Args:
        id: eight hexadecimal digits; what the run makes there is marked with it.
        secret: what the passwords of the run's roles are derived from; random, and known to the
            processes of the run alone.
        stand_ins: roles that are there and cannot serve, each with the name of ours that does.
    """

    id: str
    secret: str = field(repr=False)
    stand_ins: tuple[tuple[str, str], ...] = ()

    @property
    def mark(self) -> str:
        """Return the comment of what this run alone uses."""
        return f"made by pytest-usersync, run {self.id}"

    @property
    def shared_mark(self) -> str:
        """Return the comment of what this run made and every run at the same time uses."""
        return f"{self.mark}, for all runs"

    @property
    def role(self) -> str:
        """Return the role that owns a database of the run until the database has its comment."""
        return f"usersync_run_{self.id}"

    def password(self, role: str) -> Secret:
        """Return the password of a role that this run made."""
        return Secret(hmac.digest(self.secret.encode(), role.encode(), "sha256").hex())


@dataclass(frozen=True, slots=True)
class Server:
    """Say how to reach one PostgreSQL, as its superuser.

    Args:
        conninfo: libpq keywords of the superuser, without a database. It may hold a password, so
            it stays out of ``repr``.
        version: the number PostgreSQL calls ``server_version_num``, ``170010``.
        origin: where the server comes from, for people; never a secret.
        own: True when this run started it: every role can log in without a password.
        guest: what the run is on a server that was reached by DSN.
        programs: the folder of its programs, when this run started it.
    """

    conninfo: str = field(repr=False)
    version: int
    origin: str
    own: bool
    guest: Guest | None = None
    programs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "conninfo", Secret(self.conninfo))

    def role(self, name: str) -> str:
        """Return the role that is here what the platform calls ``name``."""
        return dict(self.guest.stand_ins).get(name, name) if self.guest else name

    def to_json(self) -> str:
        """Return the server as text that another process can attach to; it may hold a password."""
        return Secret(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, text: str) -> Server:
        """Return the server that ``to_json`` wrote."""
        return rebuild(cls, json.loads(text))


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """Say which server is wanted; with neither field set, one is looked for."""

    dsn: str | None = field(default=None, repr=False)
    binaries: Path | None = None


@dataclass(frozen=True, slots=True)
class Seed:
    """Say what is built into the cached cluster before it is stopped and kept.

    Args:
        key: a digest of everything ``build`` would write; another key is another cluster.
        build: called once with the started server, as superuser.
    """

    key: str
    build: Callable[[Server], None]
