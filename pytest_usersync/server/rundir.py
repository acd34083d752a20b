"""A folder for one run: where it stands, that it is in use, and what is left when nobody is.

The lock is ``flock`` on a descriptor that programs we start do not inherit. The kernel lets go of
it when this process dies in any way, so a folder whose lock can be taken belongs to nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_usersync.errors import ServerError

from .account import Account, remove_tree

PREFIX = "usersync-"
SHM = Path("/dev/shm")  # noqa: S108
# A cluster with its copies: 40 MB, and 12 MB for each clone.
ROOM = 400 * 2**20
# PostgreSQL's socket paths end at 107 bytes, 103 on macOS.
_LONGEST_ROOT = 60
_NO_LOCK_AGE = 600


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The folder of one run. ``data`` and ``sockets`` are the server's, the rest is ours."""

    path: Path
    descriptor: int
    owner: int

    @property
    def data(self) -> Path:
        """Return where the cluster is."""
        return self.path / "data"

    @property
    def sockets(self) -> Path:
        """Return where the server puts its socket; short, for such paths end at 107 bytes."""
        return self.path / "s"

    @property
    def log(self) -> Path:
        """Return what the server had to say."""
        return self.path / "log"

    def remove(self) -> None:
        """Remove the folder and let go of its lock; a forked child must not and does not."""
        if os.getpid() == self.owner:
            _remove(self.path)
            os.close(self.descriptor)

    def leave(self) -> None:
        """Leave the folder to a server that holds the lock too; it is swept when that is gone."""
        os.close(self.descriptor)


def create(account: Account, *, executable: bool = False) -> RunDirectory:
    """Make and lock a folder in memory where that fits, else among temporary files.

    Args:
        account: who must be able to reach it.
        executable: programs are to be run from it, which containers forbid in ``/dev/shm``.
    """
    root = _root(account, executable=executable)
    while True:
        path = root / f"{PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
        path.mkdir(0o711 if account.lent else 0o700)
        if account.lent:
            path.chmod(0o711)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _take(descriptor) and _is_at(descriptor, path / "lock"):
            break
        # A sweep came between, and is removing the folder.
        os.close(descriptor)
    run = RunDirectory(path, descriptor, os.getpid())
    run.sockets.mkdir(0o700)
    account.own(run.sockets)
    return run


def sweep() -> None:
    """Remove the folders of runs that were killed; never another user's, never one in use."""
    for root in {SHM, *_temporary()}:
        for path in _ours(root):
            _sweep(path)


def _sweep(path: Path) -> None:
    try:
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        # Just being made, or left by a sweep that was killed itself.
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - _NO_LOCK_AGE:
                remove_tree(path)
        return
    except OSError:
        return
    try:
        if _take(descriptor):
            _remove(path)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    # The lock goes last: a folder that is half gone can still be told from one in use.
    for entry in ("data", "s", "programs"):
        remove_tree(path / entry)
    remove_tree(path)


def _ours(root: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                    yield Path(entry.path)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _temporary() -> list[Path]:
    return [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108


def _root(account: Account, *, executable: bool) -> Path:
    if _fits(SHM, executable=executable) and account.can_pass(SHM):
        return SHM
    for root in _temporary():
        usable = root.is_dir() and os.access(root, os.W_OK) and account.can_pass(root)
        short = len(os.fsencode(root)) <= _LONGEST_ROOT
        if usable and short and not (executable and _noexec(root)):
            return root
    raise ServerError(
        "There is no folder for a server's files: /dev/shm is absent or small, and the temporary "
        "folders cannot be written or reached. Set TMPDIR to a short path that all users can enter."
    )


def _fits(root: Path, *, executable: bool) -> bool:
    try:
        status = os.statvfs(root)
    except OSError:
        return False
    free = status.f_bavail * status.f_frsize
    return free >= ROOM and os.access(root, os.W_OK) and not (executable and _noexec(root))


def _noexec(root: Path) -> bool:
    return bool(os.statvfs(root).f_flag & getattr(os, "ST_NOEXEC", 0))
