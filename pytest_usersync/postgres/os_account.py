"""Run the server as somebody: PostgreSQL refuses root, so root lends it another account."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ..model.errors import ServerError


class Identity(TypedDict, total=False):
    """The keywords by which ``subprocess`` changes the user of a child."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The user that ``initdb`` and ``postgres`` run as; ``lent`` when it is not our own."""

    uid: int
    gid: int
    lent: bool

    def identity(self) -> Identity:
        """Return what ``subprocess.Popen`` needs to become this user."""
        if not self.lent:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give one path to this user."""
        if self.lent:
            os.chown(path, self.uid, self.gid)

    def own_tree(self, top: Path) -> None:
        """Give a folder and all that is in it to this user."""
        # Root's `cp -p` has kept the owners of a cached cluster, so there is nothing to do.
        if not self.lent or os.lstat(top).st_uid == self.uid:
            return
        for folder, _, files in os.walk(top):
            os.chown(folder, self.uid, self.gid)
            for name in files:
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)

    def can_pass(self, path: Path) -> bool:
        """Tell whether this user may enter a folder (or execute a file) and all folders above it.

        Judged by mode bits alone: an access list that allows more only costs a needless copy.
        """
        if not self.lent:
            return True
        real = path.resolve()
        return all(self._may_execute(part.stat()) for part in (real, *real.parents))

    def _may_execute(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def account() -> Account:
    """Return our own account, or for root ``postgres``, else ``nobody``.

    ``initdb`` looks the user up, so only one with a passwd entry will do.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), lent=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, lent=True)
    raise ServerError(
        "PostgreSQL does not run as root, and there is no user named postgres or nobody to run"
        " it. Add one of them, or run the tests as another user."
    )


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with modes, times and, for root, owners: ``cp`` takes half of Python's time."""
    done = subprocess.run(
        ["cp", "-pR", str(source), str(target)],  # noqa: S607
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip())


def remove_tree(path: Path) -> None:
    """Remove a folder as far as possible, without complaint."""
    shutil.rmtree(path, ignore_errors=True)
