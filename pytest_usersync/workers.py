"""One subject for all the workers of an xdist run: the first who needs it makes it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree

from filelock import FileLock

from . import subject
from .check import Subject
from .errors import ServerError
from .project import Project
from .server import Secret
from .settings import Settings

if sys.platform != "win32":
    import fcntl


@contextmanager
def shared(run: str, settings: Settings, found: Project) -> Iterator[Subject]:
    """Yield the run's subject, made here or by another worker.

    The worker that makes it waits at its end until nobody uses it any more. When that worker dies,
    its server dies with it, and the next who comes makes another.

    Args:
        run: what names the run in all its workers, and in no other run.
    """
    if sys.platform == "win32":  # It has no locks that are shared: each worker is on its own.
        with subject.prepare(settings, found) as (prepared, _):
            yield prepared
        return
    folder = _folder(run)
    with ExitStack() as exits:
        with FileLock(folder / "making.lock"):
            users = exits.enter_context(_open(folder / "users.lock"))
            maker = exits.enter_context(_open(folder / "maker.lock"))
            if _taken(maker):
                prepared, _ = exits.enter_context(subject.prepare(settings, found))
                exits.callback(rmtree, folder, ignore_errors=True)
                exits.callback(fcntl.flock, users, fcntl.LOCK_EX)  # waits for all the others
                _write(folder / "subject.json", subject.hand_over(prepared))
            else:
                fcntl.flock(users, fcntl.LOCK_SH)
                text = Secret((folder / "subject.json").read_text(encoding="utf-8"))
                prepared = subject.take_over(text, found, settings.policies)
        yield prepared


def _folder(run: str) -> Path:
    """Return the run's folder; what stands in it is for this user alone."""
    folder = Path(tempfile.gettempdir(), f"usersync-workers-{os.getuid()}-{run}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ServerError(f"{folder} belongs to somebody else. Remove it, or set TMPDIR.")
    return folder


@contextmanager
def _open(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
