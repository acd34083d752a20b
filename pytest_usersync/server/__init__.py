"""A PostgreSQL for the run: by DSN, embedded or installed; its life and its death."""

from . import variables
from .model import MAINTENANCE, SUPERUSER, Seed, Server, ServerRequest
from .running import RunningServer, attach, start

__all__ = [
    "MAINTENANCE",
    "SUPERUSER",
    "RunningServer",
    "Seed",
    "Server",
    "ServerRequest",
    "attach",
    "start",
    "variables",
]
