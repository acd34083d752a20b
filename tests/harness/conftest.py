"""A harness on the plainest project, whose world is taken back after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.settings import Settings
from pytest_usersync.runner import subject

PROJECT = Path(__file__).parents[1] / "projects" / "plain.sql"


@pytest.fixture(scope="session")
def plain() -> Iterator[UserSync]:
    """Return the harness of the project, one for each worker."""
    settings = Settings(migrations=(PROJECT,))
    with subject.prepare(settings, subject.find(settings, PROJECT.parent)) as (prepared, _):
        harness = UserSync(prepared)
        yield harness
        harness.close()


@pytest.fixture
def sync(plain: UserSync) -> Iterator[UserSync]:
    """Return the harness in a clean world that is rolled back."""
    yield plain
    plain.end()
    plain.isolate("rollback")


@pytest.fixture
def clone(sync: UserSync) -> UserSync:
    """Return the harness in a database of its own."""
    sync.isolate("clone")
    return sync
