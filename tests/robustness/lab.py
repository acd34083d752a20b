"""The place where the campaign works: a home, projects, servers, and other people's things."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import processes
from namespace import LAB, PLACES
from projects import PROJECT, TESTS
from runs import SELECT, Report, Run, Verdicts, environment
from servers import PASSWORD, Server, told

EMBEDDED, TRUST, SCRAM = "own server", "plain server", "server with a password"
_PYTESTS_OWN = "pytest-of-"
_OLD = 1_000_000_000
# Where a cluster of ours is kept; folders of others stand beside it.
_CACHE = Path(".cache", "pytest-usersync", "clusters")


class Lab:
    """All that a fault needs, and all that it must not touch."""

    def __init__(self, binaries: Path, cache: Path | None) -> None:
        self.home, self.out = LAB / "home", LAB / "out"
        self.out.mkdir()
        self.binaries = binaries
        self.project = write_project(LAB / "project")
        (self.home / _CACHE).mkdir(parents=True)
        if cache and cache.is_dir():
            shutil.copytree(cache, self.home / _CACHE.parent, dirs_exist_ok=True)
        self.precious = self.home / "usersync-precious"
        self.tops = list(self._provoke())
        self._servers: dict[str, Server] = {}
        self._references: dict[tuple[str, str], Report] = {}
        self._kept = set(processes.living())
        self._states: dict[str, list[str]] = {}
        self._foreign = self._snapshot()
        self._entries = self._listing()
        self._clusters = self._cached()
        self._shared = _segments()

    def _provoke(self) -> Iterator[Path]:
        """Lay out what is named as ours is, and is not ours."""
        yield _fill(self.precious)
        for place in PLACES:
            yield from _provoke(place, self.precious)
        for name in (".draft-of-my-letter", "170010-0000000000000000", "notes"):
            yield _fill(self.home / _CACHE / name)
        link = self.home / _CACHE / "170010-ffffffffffffffff"
        link.symlink_to(self.precious)
        yield link

    def server(self, kind: str) -> Server | None:
        """Return the server of a kind, made when it is first asked for; none is one of our own."""
        if kind == EMBEDDED:
            return None
        if kind not in self._servers:
            password = PASSWORD if kind == SCRAM else ""
            made = Server(
                self.binaries,
                LAB / f"server{len(self._servers)}",
                password=password,
                taken=kind == SCRAM,
            )
            made.make()
            self._servers[kind] = made
            self._states[kind] = made.state()
        return self._servers[kind]

    def run(
        self,
        kind: str = EMBEDDED,
        *more: str,
        folder: Path | None = None,
        variables: dict[str, str] | None = None,
        out: str = "",
    ) -> Run:
        """Start a run of the lab's project, or of another one, on a server."""
        server = self.server(kind)
        dsn = [f"--usersync-dsn={server.dsn}"] if server else []
        where = self.out / out
        where.mkdir(exist_ok=True)
        return Run(
            folder or self.project,
            where,
            environment(self.home, **(variables or {})),
            "--usersync",
            f"--usersync-select={SELECT}",
            *dsn,
            *more,
        )

    def reference(self, kind: str = EMBEDDED, *more: str) -> Report:
        """Return what a run does that nothing happens to, when everything is cached."""
        key = (kind, " ".join(more))
        if key not in self._references:
            for _ in range(1 if self._references else 2):
                report = self.run(kind, *more).report()
            if not report.verdicts or report.status != 1:
                raise RuntimeError(f"The run without a fault fails:\n{report.output[-3000:]}")
            self._entries |= {one for one in self._listing() if one.is_relative_to(self.home)}
            self._clusters |= self._cached()
            self._references[key] = report
        return self._references[key]

    def verdicts(self) -> Verdicts:
        """Return what every run is to find."""
        return self.reference().verdicts

    def leftovers(self) -> list[str]:
        """Return what is not as it was, once the next run is over."""
        touched = _different(self._foreign, self._snapshot())
        tops = [str(top) for top in self.tops if any(one.is_relative_to(top) for one in touched)]
        found = (
            [f"{len(tops)} things of others were touched: {', '.join(tops[:2])} …"] if tops else []
        )
        found += [f"{path} was left" for path in sorted(self._listing() - self._entries)]
        found += [
            f"process {pid} was left: {processes.living()[pid].command[:60]}"
            for pid in processes.gone(self._strangers, 5)
            if pid in processes.living()
        ]
        found += [f"shared memory {one} was left" for one in sorted(self._left_in_memory())]
        for kind, server in self._servers.items():
            before, now = self._states[kind], server.state()
            if more := [line for line in now if line not in before]:
                found.append(f"{kind}: {told(more)} were left")
            if less := [line for line in before if line not in now]:
                found.append(f"{kind}: {told(less)} are gone")
        return found

    def tidy(self) -> None:
        """Put everything back, so that the next fault is judged by itself."""
        processes.send(self._strangers(), signal.SIGKILL)
        processes.gone(self._strangers, 10)
        for path in self._listing() - self._entries:
            _remove(path)
        for path in (self.home / _CACHE / name for name in self._left_in_cache()):
            _remove(path)
        for top in self.tops:
            _remove(top)
        self.tops = list(self._provoke())
        self._foreign = self._snapshot()
        for segment in self._left_in_memory():
            subprocess.run(["ipcrm", "-m", segment], check=False)
        for kind, server in self._servers.items():
            if server.state() != self._states[kind]:
                server.begin_anew()

    def close(self) -> None:
        for server in self._servers.values():
            server.stop(signal.SIGQUIT)

    def _strangers(self) -> list[int]:
        known = set(self._kept)
        for server in self._servers.values():
            known |= {server.pid, *(one.pid for one in processes.descendants(server.pid))}
        return sorted(set(processes.living()) - known - {os.getpid()})

    def _left_in_memory(self) -> set[str]:
        return _segments(server.pid for server in self._servers.values()) - self._shared

    def _listing(self) -> set[Path]:
        """Return what stands in the temporary places and in the home."""
        found = {
            path
            for place in PLACES
            for path in place.iterdir()
            if not path.name.startswith(_PYTESTS_OWN)
        }
        for folder, folders, files in os.walk(self.home):
            inner = Path(folder)
            found |= {inner / name for name in (*folders, *files)}
            # What is in the cache is told apart.
            folders[:] = [] if inner == self.home / _CACHE.parent else folders
        return found

    def _cached(self) -> set[str]:
        """Return what stands in the cache, without its locks."""
        names = {path.name for path in (self.home / _CACHE).iterdir()}
        return {name for name in names if not name.endswith(".lock")}

    def _left_in_cache(self) -> set[str]:
        """Return what is more in the cache; a cluster may be there under a new name."""
        now = self._cached()
        drafts = {name for name in now - self._clusters if name.startswith(".") or "part" in name}
        return drafts or (now - self._clusters if len(now) > len(self._clusters) else set())

    def _snapshot(self) -> dict[Path, tuple[object, ...]]:
        return {path: _told(path) for top in self.tops for path in _below(top)}


def write_project(folder: Path, text: str = PROJECT, **tests: str) -> Path:
    """Write a project of one migration and its tests; return its folder."""
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_profiles.sql").write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, code in (tests or {"test_app": TESTS}).items():
        (folder / f"{name}.py").write_text(code)
    return folder


def _provoke(place: Path, precious: Path) -> list[Path]:
    """Lay out what is named as ours are, and is not ours."""
    names = ("usersync-venv", "usersync-4711-abcdef", "usersync-workers-0-notes", "usersync_mine")
    for name in names:
        _fill(place / name)
    (place / "usersync-4711-abcdef" / "lock").touch()
    (place / "usersync-4711-abcdef" / "data" / "PG_VERSION").write_text("17\n")
    (place / "usersync-4712-fedcba").symlink_to(precious)
    (place / "usersync-4713-aaaaaa").mkdir()
    (place / "usersync-4713-aaaaaa" / "lock").symlink_to(precious / "letter")
    (place / "usersync-file").write_text("mine\n")
    (place / ".s.PGSQL.5432.lock").write_text("mine\n")
    more = ("usersync-4712-fedcba", "usersync-4713-aaaaaa", "usersync-file", ".s.PGSQL.5432.lock")
    for name in (*names, *more):
        os.utime(place / name, (_OLD, _OLD), follow_symlinks=False)
    return [place / name for name in (*names, *more)]


def _fill(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "letter").write_text("to nobody\n")
    (folder / "contents").write_text("mine\n")
    (folder / "data").mkdir()
    (folder / "data" / "file").write_text("mine\n")
    for path in (folder / "letter", folder):
        os.utime(path, (_OLD, _OLD))
    return folder


def _below(top: Path) -> list[Path]:
    found = [top] if top.is_symlink() or top.exists() else []
    if top.is_dir() and not top.is_symlink():
        found += [
            Path(folder, name)
            for folder, folders, files in os.walk(top)
            for name in (*folders, *files)
        ]
    return found


def _told(path: Path) -> tuple[object, ...]:
    known = path.lstat()
    if stat.S_ISLNK(known.st_mode):
        inside: object = path.readlink()
    else:
        inside = path.read_bytes() if stat.S_ISREG(known.st_mode) else None
    return known.st_mode, known.st_uid, known.st_gid, known.st_ino, known.st_mtime_ns, inside


def _different(
    before: dict[Path, tuple[object, ...]], now: dict[Path, tuple[object, ...]]
) -> list[Path]:
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _segments(creators: Iterable[int] = ()) -> set[str]:
    """Return the System V shared memory that there is, but for what these processes made.

    PostgreSQL has some for each data folder, to tell whether a server is still at work in it.
    """
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    known = set(map(str, creators))
    return {line.split()[1] for line in lines if line.split()[4] not in known}
