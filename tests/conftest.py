"""What every test may ask for: one server for each worker, and empty databases on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_usersync.database import Clones
from pytest_usersync.server import Server, ServerRequest, start


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return an own server without a seed; each xdist worker starts its own."""
    with start(ServerRequest()) as running:
        yield running.server


@pytest.fixture
def fresh_database(server: Server) -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty database and returns its name."""
    with Clones(server) as clones:
        yield lambda: clones.take("template1", "test")
