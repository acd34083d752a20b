"""Keep clusters between runs, in the user's cache folder: found, checked, stored, thinned out.

Each is in a folder of ours (``owned``), and is complete once the file ``cluster`` is in it, which
is written last: the cluster's key, and a digest of what is stored. Cache folders are also swept
file by file, by age, so every copy is compared with that digest.

What else is in the cache folder is never touched.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path

from . import locks, owned_folders
from .os_account import copy_tree, remove_tree

# Of some 25 MB each: one for each PostgreSQL and each state of our SQL.
KEPT = 4
# What another run has the lock for takes a few seconds; one that hangs must not hang us.
WAIT_S = 30.0
_PAUSE_S = 0.02
_COMPLETE = "cluster"


def folder() -> Path:
    """Return the folder of cached clusters; it need not exist.

    Raises:
        FileNotFoundError: the user has no home folder, and none is named.
    """
    try:
        top = user_cache_path("pytest-usersync")
    except RuntimeError:
        top = Path()
    if not top.is_absolute():  # Of a home folder that is not known, "~" is left.
        raise FileNotFoundError("there is no home folder")
    return top / "clusters"


@contextmanager
def lock(name: str) -> Iterator[bool]:
    """Hold one name against other runs.

    Give False when the cache folder cannot be written, or another run holds the name for longer
    than ``WAIT_S``: then each makes its own.
    """
    held = _hold(f"{locks.PREFIX}{name}")
    try:
        yield held is not None
    finally:
        if held is not None:
            locks.release(*held)


def restore(key: str, target: Path) -> bool:
    """Copy an entry to ``target``; on False there is no usable entry, and no ``target``."""
    for entry in _entries():
        if _read_complete(entry)[:1] != [key]:
            continue
        with suppress(OSError):
            descriptor = owned_folders.share(entry)  # It is not removed while we copy it.
            try:
                if _copy(entry, target):
                    return True
            finally:
                os.close(descriptor)
    return False


def store(key: str, source: Path) -> None:
    """Keep a copy of a stopped cluster; a cache that cannot be written is no error."""
    with suppress(OSError):
        draft = owned_folders.make(folder())
        try:
            copy_tree(source, draft.path / "data")
            # An entry of this key that could not be restored would be tried again in every run.
            forget(key)
            part = draft.path / f"{_COMPLETE}.part"
            part.write_text(f"{key}\n{_contents(source)}\n", encoding="utf-8")
            part.replace(draft.path / _COMPLETE)
        except BaseException:
            draft.remove()
            raise
        draft.leave()
        _thin_out()


def forget(key: str) -> None:
    """Remove the entries of a key, and what a killed run left."""
    _sweep(lambda entry: _read_complete(entry)[:1] not in ([], [key]))


def _thin_out() -> None:
    complete = [entry for entry in _entries() if _read_complete(entry)]
    newest = sorted(complete, key=_age)[:KEPT]
    _sweep(lambda entry: entry in newest)


def _sweep(keep: Callable[[Path], bool]) -> None:
    with suppress(FileNotFoundError):
        owned_folders.sweep(folder(), keep)


def _entries() -> list[Path]:
    try:
        return owned_folders.names(folder())
    except FileNotFoundError:
        return []


def _hold(name: str) -> tuple[Path, int] | None:
    deadline = time.monotonic() + WAIT_S
    with suppress(OSError):
        path = folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        while time.monotonic() < deadline:
            descriptor = locks.hold(path)
            if descriptor is not None:
                return path, descriptor
            time.sleep(_PAUSE_S)
    return None


def _copy(entry: Path, target: Path) -> bool:
    with suppress(OSError):
        copy_tree(entry / "data", target)
        if _read_complete(entry)[1:] == [_contents(target)]:
            # What was used last stays longest.
            os.utime(entry)
            return True
    remove_tree(target)
    return False


def _read_complete(entry: Path) -> list[str]:
    """Return the key and the digest of a complete entry; of any other folder nothing."""
    try:
        return (entry / _COMPLETE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _age(entry: Path) -> float:
    try:
        return -entry.stat().st_mtime
    except OSError:
        # Another run has removed it: it counts as the oldest.
        return 0


def _contents(top: Path) -> str:
    # Names and sizes, not bytes: what sweeps a cache by age removes whole files.
    lines = []
    for parent, folders, files in os.walk(top):
        place = os.path.relpath(parent, top)
        lines += [f"{place}/{name}/" for name in folders]
        lines += [f"{place}/{name} {os.lstat(f'{parent}/{name}').st_size}" for name in files]
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="replace")).hexdigest()
