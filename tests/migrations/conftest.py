"""A project on disk for each test, and the platform to load it into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_usersync.migrations import LoadedProject, Project, find, load
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database

Write = Callable[..., Project]
Apply = Callable[..., LoadedProject]
Rows = Callable[[str, str], list[dict[str, object]]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes migrations, by file name or numbered, and finds them."""

    def write(*texts: str, **named: str) -> Project:
        folder = tmp_path / "supabase" / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        files = {f"{number}_file": text for number, text in enumerate(texts, 1)} | named
        for name, text in files.items():
            (folder / f"{name.removeprefix('v')}.sql").write_bytes(text.encode())
        return find(tmp_path)

    return write


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Return the template database of the platform."""
    return platform.template(server)


@pytest.fixture
def dropped(server: Server) -> Iterator[Callable[[LoadedProject], LoadedProject]]:
    """Return a function that has what was loaded dropped after the test."""
    names: list[str] = []

    def dropped(loaded: LoadedProject) -> LoadedProject:
        names.append(loaded.database)
        return loaded

    yield dropped
    for name in names:
        database.drop(server, name)


@pytest.fixture
def apply(
    server: Server, template: str, write: Write, dropped: Callable[[LoadedProject], LoadedProject]
) -> Apply:
    """Return a function that writes migrations and loads them; what it loads is dropped.

    It stops at the first failure, as the CLI does, unless it is told to go on.
    """

    def apply(*texts: str, limit: float = 60.0, stop: bool = True, **named: str) -> LoadedProject:
        return dropped(load(server, template, write(*texts, **named), limit=limit, stop=stop))

    return apply


@pytest.fixture
def rows(server: Server) -> Rows:
    """Return a function that runs a query as superuser and returns its rows."""

    def rows(name: str, query: str) -> list[dict[str, object]]:
        with database.connect(server, name, database.HARNESS) as connection:
            return connection.execute(query.encode()).fetchall()

    return rows
