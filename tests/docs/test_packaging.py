"""The wheel carries what the checkout has."""

from __future__ import annotations

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[2]

PRINT_ALL_SQL = """
from pytest_usersync.postgres import sqlfiles

def walk(folder, path=()):
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        here = (*path, entry.name)
        if entry.is_dir():
            walk(entry, here)
        elif entry.name.endswith(".sql"):
            print("/".join(here), len(sqlfiles.read(*here)))

walk(sqlfiles.root())
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def sql_seen_from(place: Path, cwd: Path) -> list[str]:
    """Return what the loader finds when the package is imported from ``place``."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_ALL_SQL],
        env=os.environ | {"PYTHONPATH": str(place)},
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_the_wheel_carries_every_sql_file_of_the_checkout(wheel: Path) -> None:
    expected = {path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob("sql/**/*.sql")}
    assert expected
    with ZipFile(wheel) as archive:
        packed = {
            name.removeprefix("pytest_usersync/")
            for name in archive.namelist()
            if name.endswith(".sql")
        }
    assert packed == expected


def test_the_wheel_carries_every_module_and_the_typing_marker(wheel: Path) -> None:
    expected = {
        path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob("pytest_usersync/**/*.py")
    }
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names >= expected
    assert {"pytest_usersync/py.typed", "pytest_usersync/reporting/report-v2.schema.json"} <= names


def test_the_wheel_registers_the_plugin_and_the_command(wheel: Path) -> None:
    entry_points = ConfigParser()
    with ZipFile(wheel) as archive:
        (file,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        entry_points.read_string(archive.read(file).decode())
    assert dict(entry_points["pytest11"]) == {"usersync": "pytest_usersync.plugin.hooks"}
    assert dict(entry_points["console_scripts"]) == {"usersync": "pytest_usersync.console:main"}


def test_the_loader_reads_the_same_sql_from_a_checkout_and_from_a_wheel(
    wheel: Path, tmp_path: Path
) -> None:
    from_checkout = sql_seen_from(CHECKOUT, tmp_path)
    assert any(line.startswith("migrations/") for line in from_checkout)
    assert sql_seen_from(wheel, tmp_path) == from_checkout
