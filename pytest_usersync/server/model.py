"""What a server is to the floors above, and what one may ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

SUPERUSER = "supabase_admin"
MAINTENANCE = "postgres"
OLDEST = 14


@dataclass(frozen=True, slots=True)
class Server:
    """Say how to reach one PostgreSQL, as its superuser.

    Args:
        conninfo: libpq keywords of the superuser, without a database. It may hold a password, so
            it stays out of ``repr``.
        version: the number PostgreSQL calls ``server_version_num``, ``170010``.
        origin: where the server comes from, for people; never a secret.
        own: True when this run started it: every role can log in without a password. False when
            it was reached by DSN: roles are taken by ``set session authorization``.
    """

    conninfo: str = field(repr=False)
    version: int
    origin: str
    own: bool

    def to_json(self) -> str:
        """Return the server as text that another process can attach to; it may hold a password."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Server:
        """Return the server that ``to_json`` wrote."""
        return cls(**json.loads(text))


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
