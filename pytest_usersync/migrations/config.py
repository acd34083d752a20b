"""Read what ``supabase/config.toml`` says about migrations, schemas and seeds."""

from __future__ import annotations

import glob
import tomllib
from collections.abc import Iterable
from pathlib import Path

from ..model.errors import ConfigurationError

CONFIG = Path("supabase", "config.toml")


def value(rootdir: Path, *keys: str) -> object:
    """Return one value of the configuration, or None if it is not set.

    Raises:
        ConfigurationError: the file is not TOML, or cannot be read.
    """
    path = rootdir / CONFIG
    if not path.is_file():
        return None
    try:
        table: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{CONFIG.as_posix()} cannot be read: {error}. Correct it; the Supabase CLI reads it"
            " too."
        ) from error
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def matches(rootdir: Path, patterns: Iterable[object]) -> list[Path]:
    """Return the files that patterns of the configuration name, in the order of the CLI.

    Patterns start from ``supabase/`` and keep their order; what one of them matches is sorted.
    """
    folder = rootdir / CONFIG.parent
    names = (
        name
        for pattern in patterns
        for name in sorted(glob.glob(str(pattern), root_dir=folder))  # noqa: PTH207  not "**"
    )
    paths = (Path(folder, name) for name in dict.fromkeys(names))
    return [path for path in paths if path.is_file()]
