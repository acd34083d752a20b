"""Checks of a test's own in the registry, instead of all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pytest_usersync.checks import registry
from pytest_usersync.checks.registry import Entry
from pytest_usersync.runner.check import Check


def register_only(patch: pytest.MonkeyPatch, checks: Iterable[Check]) -> None:
    """Let the registry have these checks and no others, and those that are added later."""
    patch.setattr(
        registry,
        "entries",
        lambda: [Entry(one.code, one.name, lambda one=one: one) for one in checks],
    )
