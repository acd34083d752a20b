"""Lock files: each says what it locks, and appears with its text and its lock at once.

The lock is ``flock``. The kernel releases it when the process dies in any way.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "usersync-"
SUFFIX = ".lock"
# What begins the text of a lock file that stands for itself; its name follows.
NAME = b"pytest-usersync holds this name: "


def hold(path: Path) -> int | None:
    """Return a descriptor that holds the lock of a name; None when another process has it.

    Args:
        path: the name, which begins with ``PREFIX``; the lock file stands there with ``SUFFIX``.
            What else is there by that name plays no part.

    Raises:
        PermissionError: the file that is there is not ours.
        OSError: nothing can be made there.
    """
    try:
        return announce(path, NAME)
    except FileExistsError:
        with suppress(BlockingIOError, FileNotFoundError), opened(path.parent) as root:
            return take(root, path.name, NAME, fcntl.LOCK_EX)
    return None


def release(path: Path, descriptor: int) -> None:
    """Remove the lock that ``hold`` gave, and let go of it."""
    with suppress(OSError):
        Path(f"{path}{SUFFIX}").unlink()
    os.close(descriptor)


def announce(path: Path, text: bytes) -> int:
    """Make the lock file of ``path``, which is not there yet; return the descriptor that holds it.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be made.
    """
    text += os.fsencode(path.name)
    with opened(path.parent) as root:
        name = f"{path.name}{SUFFIX}"
        descriptor = _unnamed(path.parent)
        if descriptor is None:
            return _named(root, name, text)
        try:
            _fill(descriptor, text)
            # The only way to name an unnamed file without a privilege.
            os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=root, follow_symlinks=True)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, FileNotFoundError):  # no /proc
                return _named(root, name, text)
            raise
        return descriptor


def _unnamed(folder: Path) -> int | None:
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        return None
    try:
        return os.open(folder, os.O_RDWR | flag | os.O_CLOEXEC, 0o600)
    except OSError:  # Each file system without them says it in its own way.
        return None


def _named(root: int, name: str, text: bytes) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=root)
    try:
        _fill(descriptor, text)
    except BaseException:
        os.unlink(name, dir_fd=root)
        os.close(descriptor)
        raise
    return descriptor


def _fill(descriptor: int, text: bytes) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.write(descriptor, text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def take(root: int, name: str, text: bytes, kind: int) -> int:
    """Return a descriptor that holds the lock of ``name``.

    Raises:
        BlockingIOError: another process holds it.
        FileNotFoundError: there is no such file, or no longer.
        PermissionError: the lock file is not ours.
    """
    file, text = f"{name}{SUFFIX}", text + os.fsencode(name)
    # Others need not be opened to be known.
    _demand_our_file(os.stat(file, dir_fd=root, follow_symlinks=False), text)
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(file, flags, dir_fd=root)
    try:
        _demand_our_file(os.fstat(descriptor), text)
        if os.pread(descriptor, len(text), 0) != text:
            raise not_ours(name)
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        # Whoever had the lock before may have removed the file.
        now = os.stat(file, dir_fd=root, follow_symlinks=False)
        if not os.path.samestat(os.fstat(descriptor), now):
            raise FileNotFoundError(name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _demand_our_file(status: os.stat_result, text: bytes) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise not_ours(text)
    if status.st_size == 0:  # Where there are no unnamed files, it is being written.
        raise BlockingIOError
    if status.st_size != len(text):
        raise not_ours(text)


def not_ours(name: str | bytes) -> PermissionError:
    """Return what to raise where something is not what its name says."""
    return PermissionError(errno.EPERM, "the file is not of this run", name)


@contextmanager
def opened(root: Path) -> Iterator[int]:
    """Yield a descriptor of a folder."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
