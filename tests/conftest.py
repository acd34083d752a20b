"""What every test may ask for: one server for each worker, and empty databases on it."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from matrix import WHOLE
from platformdirs import user_cache_path
from reports import faults, written

import pytest_usersync
from pytest_usersync.postgres import Server, ServerRequest, locate, start
from pytest_usersync.postgres.clones import Clones

# Many tests start pytest, which compiles for two seconds at each start where no bytecode is kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# In an empty folder Hypothesis reads all of Unicode first, which takes it four seconds.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(__file__).parents[1] / ".hypothesis")
)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep the tests of a file in one worker, with what their module shares, while it lasts."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked ``matrix``, unless ``tox -e matrix`` asks for it."""
    left_out = [] if WHOLE else [one for one in items if one.get_closest_marker("matrix")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [one for one in items if one not in set(left_out)]


@pytest.fixture(autouse=True)
def valid_reports(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare every JSON report that a test leaves in its folder with the schema."""
    asked = [one for one in ("pytester", "tmp_path") if one in request.fixturenames]
    folders = [request.getfixturevalue(one) for one in asked]
    yield
    for folder in folders:
        for path, data in written(getattr(folder, "path", folder)).items():
            assert faults(data) == [], path


@pytest.fixture(scope="session")
def wanted() -> ServerRequest:
    """Return the request for an own server: of ``USERSYNC_PG_BIN``, else of the first found."""
    folder = os.environ.get("USERSYNC_PG_BIN")
    return ServerRequest(binaries=Path(folder) if folder else None)


@pytest.fixture(scope="session")
def server(wanted: ServerRequest) -> Iterator[Server]:
    """Return an own server without a seed; each xdist worker starts its own."""
    with start(wanted) as running:
        yield running.server


@pytest.fixture(scope="session")
def program(wanted: ServerRequest) -> Callable[[str], str]:
    """Return a function that finds a client of PostgreSQL: beside the server, else on the PATH."""
    folder = locate.find(wanted.binaries).folder

    def program(name: str) -> str:
        found = shutil.which(name, path=str(folder)) or shutil.which(name)
        if not found:
            pytest.skip(f"{name} comes neither with the server nor on the PATH")
        return found

    return program


@pytest.fixture
def fresh_database(server: Server) -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty database and returns its name."""
    with Clones(server) as clones:
        yield lambda: clones.take("template1", "test")


@pytest.fixture(scope="session")
def cache_home() -> Path:
    """Return the folder of caches, as it is before pytester moves the home folder."""
    return user_cache_path()


@pytest.fixture(scope="session")
def imported() -> None:
    """Import what a run needs: one within this process forgets what it was the first to import."""
    for room in ("commands", "config", "plugin", "reporting"):
        name = f"{pytest_usersync.__name__}.{room}"
        for found in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            importlib.import_module(found.name)


@pytest.fixture
def write_project(
    imported: None, cache_home: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Return a function that writes a project of one migration into pytester's folder."""
    # One cached cluster for all runs, and no plugin that warns of options it would like to have.
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio")

    def write(text: str) -> Path:
        folder = pytester.path / "supabase" / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        migration = folder / "20260101000000_profiles.sql"
        migration.write_text(text, encoding="utf-8")
        if not (pytester.path / "pytest.ini").exists():
            pytester.makefile(".ini", pytest="[pytest]\n")
        return migration

    return write
