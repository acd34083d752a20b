"""Find and read the SQL that ships with the plugin."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def root() -> Traversable:
    """Return the sql folder: inside the installed package, or beside it in a checkout."""
    packaged = files("pytest_usersync") / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "sql"


def read(*parts: str) -> str:
    """Return the text of one file below the sql folder, ``read("platform", "auth.sql")``."""
    return root().joinpath(*parts).read_text(encoding="utf-8")


def names(*parts: str) -> list[str]:
    """Return the names of the ``.sql`` files of one folder below the sql folder, sorted."""
    folder = root().joinpath(*parts)
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
