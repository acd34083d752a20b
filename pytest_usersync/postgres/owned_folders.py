"""Folders that this package makes and removes, and the proof that a folder is one of them.

A folder is two entries side by side: the file ``usersync-<random>.lock``, which says the folder's
name, and the folder ``usersync-<random>``, which holds a hard link to that very file. Nothing else
is ever removed, whatever its name, its age or its content: a copied folder has another file in
it, a renamed one stands beside no file that says its name.

The lock is ``flock`` on that file. The kernel releases it when the process dies in any way, so the
folder whose lock can be taken has no user any more. Whoever removes a folder holds its lock.

The file comes first and goes last, and it appears with its text and its lock at once. So after a
kill at any moment every leftover is proved: a file alone, with an empty folder, or with a marked
folder. (Where a file system has no unnamed files, a kill within microseconds leaves an empty file.)
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .locks import NAME, PREFIX, SUFFIX, announce, not_ours, opened, release, take

MARKER = "made-by-pytest-usersync"
# What begins the text of the lock file of a folder; the folder's name follows.
FOLDER = b"pytest-usersync made this folder and removes it: "
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of ours. ``descriptor`` holds its lock; ``owner`` is the process that made it."""

    path: Path
    descriptor: int
    owner: int

    def remove(self) -> None:
        """Remove the folder and its lock; a forked child must not and does not."""
        if os.getpid() == self.owner:
            with suppress(FileNotFoundError), opened(self.path.parent) as root:
                _remove(root, self.path.name, self.descriptor)
            os.close(self.descriptor)

    def leave(self) -> None:
        """Leave the folder to another holder of its lock; it is swept when that is gone."""
        os.close(self.descriptor)


def make(root: Path, *, mode: int = 0o700) -> Folder:
    """Make a folder of ours below ``root``, and hold its lock.

    Args:
        root: an existing folder.
        mode: the folder's permissions, whatever the umask is.

    Raises:
        OSError: nothing can be made there.
    """
    # Nobody else hits upon this name, so an empty folder that has it was made by us.
    path = root / f"{PREFIX}{secrets.token_hex(8)}"
    descriptor = announce(path, FOLDER)
    try:
        path.mkdir(0o700)
        os.link(f"{path}{SUFFIX}", path / MARKER, follow_symlinks=False)
        path.chmod(mode)
    except FileExistsError:
        # The folder is somebody else's: only our lock goes.
        release(path, descriptor)
        raise
    except BaseException:
        Folder(path, descriptor, os.getpid()).remove()
        raise
    return Folder(path, descriptor, os.getpid())


def share(path: Path) -> int:
    """Return a descriptor that keeps a folder of ours from being removed, until it is closed.

    Raises:
        BlockingIOError: a process has the folder for itself.
        OSError: there is no folder of ours.
    """
    with opened(path.parent) as root:
        descriptor = take(root, path.name, FOLDER, fcntl.LOCK_SH)
        try:
            _demand_marker(root, path.name, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def is_held(path: Path) -> bool:
    """Tell whether a folder is ours and a process has it for itself."""
    try:
        os.close(share(path))
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def sweep(root: Path, keep: Callable[[Path], bool] = lambda _: False) -> None:
    """Remove the folders below ``root`` that are ours and whose lock is free.

    Args:
        root: any folder; one that is absent or closed has nothing of ours.
        keep: asked with the path of each before it is removed.
    """
    with suppress(OSError), opened(root) as descriptor:
        for name in os.listdir(descriptor):  # noqa: PTH208  Path knows no descriptors.
            if name.startswith(PREFIX) and name.endswith(SUFFIX):
                with suppress(OSError):
                    _sweep(descriptor, name.removesuffix(SUFFIX), root, keep)


def names(root: Path) -> list[Path]:
    """Return the paths below ``root`` that have the name of a folder of ours, in order."""
    with suppress(OSError):
        return sorted(path.with_suffix("") for path in root.glob(f"{PREFIX}*{SUFFIX}"))
    return []


def _sweep(root: int, name: str, place: Path, keep: Callable[[Path], bool]) -> None:
    with suppress(PermissionError):  # It may be the other kind.
        lock = take(root, name, NAME, fcntl.LOCK_EX)
        os.unlink(f"{name}{SUFFIX}", dir_fd=root)
        os.close(lock)
        return
    descriptor = take(root, name, FOLDER, fcntl.LOCK_EX)
    try:
        if not keep(place / name):
            _remove(root, name, descriptor)
    finally:
        os.close(descriptor)


def _demand_marker(root: int, name: str, lock: int) -> None:
    folder = os.open(name, _OPEN_FOLDER, dir_fd=root)
    try:
        if not _is_ours(folder, lock):
            raise not_ours(name)
    finally:
        os.close(folder)


def _is_ours(folder: int, lock: int) -> bool:
    """Tell whether the marker in an open folder is the very file whose lock is held."""
    if os.fstat(folder).st_uid != os.geteuid():
        return False
    try:
        marker = os.stat(MARKER, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(marker, os.fstat(lock))


def _remove(root: int, name: str, lock: int) -> None:
    """Remove a folder whose lock is held, then the lock; what is not ours stays, both then."""
    if _clear(root, name, lock):
        with suppress(OSError):
            file = os.stat(f"{name}{SUFFIX}", dir_fd=root, follow_symlinks=False)
            if os.path.samestat(file, os.fstat(lock)):
                os.unlink(f"{name}{SUFFIX}", dir_fd=root)


def _clear(root: int, name: str, lock: int) -> bool:
    """Remove the folder whose lock is held; return whether nothing is there any more."""
    try:
        folder = os.open(name, _OPEN_FOLDER, dir_fd=root)
    except FileNotFoundError:
        return True
    except OSError:  # no folder, or a link to one
        return False
    try:
        if os.fstat(folder).st_uid != os.geteuid():
            return False
        if os.listdir(folder):  # noqa: PTH208
            if not _is_ours(folder, lock):
                return False
            _empty(folder)
        # Empty and announced: made by us a moment before it would have had its marker.
        os.rmdir(name, dir_fd=root)
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


def _empty(folder: int) -> None:
    """Remove what is in an open folder, its marker last: what is half gone is still marked."""
    for name in os.listdir(folder):
        if name == MARKER:
            continue
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            # It follows no link; what it cannot remove keeps the marker, and is tried again.
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)
    if os.listdir(folder) == [MARKER]:
        os.unlink(MARKER, dir_fd=folder)
