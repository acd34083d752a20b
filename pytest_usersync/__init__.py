"""Prove that every user of ``auth.users`` has the profile your trigger promises.

The names that a test may import. Three modules are public as well: ``pytest_usersync.strategies``
and ``pytest_usersync.stateful`` for Hypothesis, ``pytest_usersync.postgresql`` for a suite that
uses pytest-postgresql. All other modules may change with any release.

The command ``usersync`` imports this before pytest can rewrite it, which there is no need for:
PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .auth import AuthError, AuthSettings, Json, SupabaseAuth, User
    from .config.server_dsn import Process
    from .harness.assertions import Orphan
    from .harness.harness import UserSync
    from .interleaving import Exploration, Outcome, Race, RaceFound, schedules
    from .model.errors import UserSyncError
    from .plugin.fixtures import AsKey, AsUser, NewRace

__all__ = [
    "AsKey",
    "AsUser",
    "AuthError",
    "AuthSettings",
    "Exploration",
    "Json",
    "NewRace",
    "Orphan",
    "Outcome",
    "Process",
    "Race",
    "RaceFound",
    "SupabaseAuth",
    "User",
    "UserSync",
    "UserSyncError",
    "schedules",
]

# The same as above, for `__getattr__`: pytest imports this package in every run.
_MODULES = {
    "auth": ("AuthError", "AuthSettings", "Json", "SupabaseAuth", "User"),
    "config.server_dsn": ("Process",),
    "harness.assertions": ("Orphan",),
    "harness.harness": ("UserSync",),
    "interleaving": ("Exploration", "Outcome", "Race", "RaceFound", "schedules"),
    "model.errors": ("UserSyncError",),
    "plugin.fixtures": ("AsKey", "AsUser", "NewRace"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    for module, names in _MODULES.items():
        if name in names:
            value: object = getattr(importlib.import_module(f".{module}", __name__), name)
            return globals().setdefault(name, value)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
