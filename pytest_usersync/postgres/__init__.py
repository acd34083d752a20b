"""A PostgreSQL for the run: by DSN, embedded or installed; its life and its death."""

from . import libpq_environment
from .model import MAINTENANCE, SUPERUSER, Guest, Secret, Seed, Server, ServerRequest
from .running import RunningServer, attach, start

__all__ = [
    "MAINTENANCE",
    "SUPERUSER",
    "Guest",
    "RunningServer",
    "Secret",
    "Seed",
    "Server",
    "ServerRequest",
    "attach",
    "libpq_environment",
    "start",
]
