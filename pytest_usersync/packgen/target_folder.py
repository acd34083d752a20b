"""The folder that the pack is written to: checked first, filled all at once or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..migrations import Project
from ..model.errors import ConfigurationError, ProjectError
from ..postgres import temporary_folders

SCRIPTS = ("verify-trigger.sql", "rollback.sql")
_FORM = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of the migrations, and that of the two scripts."""

    migrations: Path
    scripts: Path
    versions: tuple[str, ...] = ()


def check_folder(folder: Path) -> Place:
    """Return the place that a folder is; it may be missing, its parent may not.

    The scripts do not go among migrations that are applied: beside a folder of that name.

    Raises:
        ConfigurationError: nothing can be written there.
    """
    flag = "--usersync-write-pack"
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{flag}: {folder} is a file. Give a folder.")
    if not folder.parent.is_dir():
        raise ConfigurationError(
            f"{flag}: the folder {folder.parent} does not exist. Create it first."
        )
    scripts = folder.parent if folder.name == "migrations" else folder
    for path in dict.fromkeys((folder if folder.exists() else folder.parent, scripts)):
        if path.exists() and not os.access(path, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"{flag}: {path} cannot be written. Give a folder that you can write."
            )
    there = [scripts / name for name in SCRIPTS if (scripts / name).exists()]
    if there:
        raise ConfigurationError(
            f"{flag}: {' and '.join(map(str, there))} would be overwritten. Move the existing"
            " files, or give another folder."
        )
    return Place(folder, scripts)


def versions(project: Project, number: int, now: datetime | None = None) -> list[str]:
    """Return that many fresh versions behind the project's last.

    Raises:
        ProjectError: no moment comes after the last version.
    """
    start = now or datetime.now(UTC)
    last = max((one.version for one in project.migrations), default="")
    with suppress(ValueError):
        start = max(
            start, datetime.strptime(last, _FORM).replace(tzinfo=UTC) + timedelta(seconds=1)
        )
    found = [(start + timedelta(seconds=n)).strftime(_FORM) for n in range(number)]
    if found and found[0] <= last:
        raise ProjectError(
            f"The last migration has the version {last}, and no timestamp is greater. Give it a"
            " version of fourteen digits."
        )
    return found


def write_files(
    place: Place, migrations: Mapping[str, str], scripts: Mapping[str, str]
) -> list[Path]:
    """Write the files, all or none, and return their paths.

    Raises:
        ConfigurationError: a file is there, or cannot be written; then nothing is left.
    """
    wanted = {place.migrations / name: text for name, text in migrations.items()}
    wanted |= {place.scripts / name: text for name, text in scripts.items()}
    made = not place.migrations.exists()
    done: list[Path] = []
    try:
        with temporary_folders.below(place.migrations.parent) as fresh_context:
            for number, text in enumerate(wanted.values()):
                # On the same disk as the target, for only there a link to it can be made.
                (fresh_context / str(number)).write_text(text, encoding="utf-8")
            place.migrations.mkdir(exist_ok=True)
            for number, path in enumerate(wanted):
                # a link does not replace what somebody else has put there meanwhile
                os.link(fresh_context / str(number), path)
                done.append(path)
    except OSError as error:
        for path in done:
            path.unlink(missing_ok=True)
        if made:
            with suppress(OSError):
                place.migrations.rmdir()
        raise ConfigurationError(
            f"--usersync-write-pack: {error.filename2 or error.filename} cannot be written: "
            f"{error.strerror}. Nothing was written."
        ) from error
    return done
