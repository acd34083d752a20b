"""The head of the pack's chain, copied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from packs import Pack, chain

from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones import Clones


@pytest.fixture(scope="package")
def head(server: Server) -> Iterator[str]:
    """Return the name of the database that has every migration; it is only ever copied."""
    with chain(server) as name:
        yield name


@pytest.fixture
def pack(server: Server, head: str) -> Iterator[Pack]:
    """Return a copy of the head."""
    with Clones(server) as clones, Pack(server, clones.take(head)) as pack:
        yield pack
