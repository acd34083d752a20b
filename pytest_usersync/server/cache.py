"""Keep clusters between runs, in the user's cache folder: looked up, checked, stored, thinned out.

An entry appears by rename, so it is whole or absent; but cache folders are also swept file by file,
by age, so every copy is compared with the list that was stored beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from .account import copy_tree, remove_tree

KEPT = 4
_LEFTOVER_AGE = 3600


def folder() -> Path:
    """Return the folder of cached clusters; it need not exist."""
    return user_cache_path("pytest-usersync") / "clusters"


@contextlib.contextmanager
def lock(name: str) -> Iterator[bool]:
    """Hold one name against other runs; give False when the cache folder cannot be written."""
    held = FileLock(folder() / f"{name}.lock")
    try:
        folder().mkdir(parents=True, exist_ok=True)
        held.acquire()
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        held.release()


def restore(key: str, target: Path) -> bool:
    """Copy an entry to ``target``; on False there is no usable entry, and no ``target``."""
    entry = folder() / key
    try:
        expected = (entry / "contents").read_text()
        copy_tree(entry / "data", target)
        if _contents(target) == expected:
            os.utime(entry)
            return True
    except OSError:
        pass
    remove_tree(target)
    return False


def store(key: str, source: Path) -> None:
    """Keep a copy of a stopped cluster; a cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder()))
        try:
            copy_tree(source, draft / "data")
            (draft / "contents").write_text(_contents(source))
            forget(key)
            draft.rename(folder() / key)
        finally:
            remove_tree(draft)
        _thin_out()


def forget(key: str) -> None:
    """Remove an entry; a reader in the middle of a copy notices by the list."""
    entry = folder() / key
    if entry.exists():
        doomed = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder()))
        with contextlib.suppress(OSError):
            entry.rename(doomed / key)
        remove_tree(doomed)


def _thin_out() -> None:
    entries = [path for path in folder().iterdir() if path.is_dir()]
    drafts = [path for path in entries if path.name.startswith(".draft-")]
    clusters = [path for path in entries if (path / "contents").is_file()]
    clusters.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in clusters[KEPT:]:
        forget(path.name)
    for path in drafts:
        if path.stat().st_mtime < time.time() - _LEFTOVER_AGE:
            remove_tree(path)


def _contents(top: Path) -> str:
    lines = []
    for parent, folders, files in os.walk(top):
        place = os.path.relpath(parent, top)
        lines += [f"{place}/{name}/" for name in folders]
        lines += [f"{place}/{name} {os.lstat(f'{parent}/{name}').st_size}" for name in files]
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="replace")).hexdigest()
