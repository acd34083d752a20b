"""A folder for the server of one run: where it stands, and what is in it.

``owned`` makes and removes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import ServerError
from . import owned_folders, temporary_folders
from .os_account import Account

SHM = Path("/dev/shm")  # noqa: S108
# A cluster with its copies: 40 MB, and 12 MB for each clone.
ROOM = 400 * 2**20
# Less does not even hold the cluster and the clones of a small project.
LEAST = 100 * 2**20
# PostgreSQL's socket paths end at 107 bytes, 103 on macOS.
_LONGEST_ROOT = 60


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The folder of one run. ``data`` and ``sockets`` are the server's, the rest is ours."""

    folder: owned_folders.Folder

    @property
    def path(self) -> Path:
        """Return the folder itself."""
        return self.folder.path

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
        """Remove the folder and its lock; a forked child must not and does not."""
        self.folder.remove()


def create(account: Account, *, executable: bool = False) -> RunDirectory:
    """Make and lock a folder in memory where that fits, else among temporary files.

    Args:
        account: who must be able to reach it.
        executable: programs are to be run from it, which containers forbid in ``/dev/shm``.

    Raises:
        ServerError: there is no place for it.
    """
    why = ""
    for root in _roots(account, executable=executable):
        try:
            # A lent account has to pass through it to the data, which belongs to that account.
            folder = owned_folders.make(root, mode=0o711 if account.lent else 0o700)
        except OSError as error:
            why = why or f" ({root}: {error.strerror})"
            continue
        run = RunDirectory(folder)
        try:
            run.sockets.mkdir(0o700)
            account.own(run.sockets)
        except BaseException:
            run.remove()
            raise
        return run
    raise ServerError(
        f"There is no place for the server's files{why}: the server's user must be able to write"
        f" to /dev/shm or a temporary folder, with {LEAST // 2**20} MB free ({ROOM // 2**20} in"
        " /dev/shm). Free space, or set TMPDIR to a short path."
    )


def sweep() -> None:
    """Remove the folders of runs that were killed, wherever a run may have made one."""
    for root in dict.fromkeys(map(os.path.realpath, (SHM, *temporary_folders.places()))):
        owned_folders.sweep(Path(root))


def _roots(account: Account, *, executable: bool) -> Iterator[Path]:
    roots = dict.fromkeys((SHM, *temporary_folders.places()))
    usable = [root for root in roots if _is_usable(root, account, executable=executable)]
    yield from (root for root in usable if _free(root) >= ROOM)
    yield from (root for root in usable if root != SHM and LEAST <= _free(root) < ROOM)


def _is_usable(root: Path, account: Account, *, executable: bool) -> bool:
    usable = temporary_folders.is_usable(root) and account.can_pass(root)
    short = len(os.fsencode(root)) <= _LONGEST_ROOT
    return usable and short and not (executable and _noexec(root))


def _free(root: Path) -> int:
    status = os.statvfs(root)
    return status.f_bavail * status.f_frsize


def _noexec(root: Path) -> bool:
    return bool(os.statvfs(root).f_flag & getattr(os, "ST_NOEXEC", 0))
