"""One subject for all processes of an xdist run, handed over by a file.

In a run with ``--usersync`` the controller prepares it and hands it to the workers while they
start. In other runs the first worker prepares it whose tests need it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from ..migrations import Project
from ..model.errors import UserSyncError
from ..model.settings import Settings
from ..postgres import Secret, libpq_environment, statement_timeout, temporary_folders
from ..process import textfiles
from ..runner import subject
from ..runner.check import Subject

if sys.platform != "win32":
    import fcntl

    from ..postgres import locks, owned_folders

_SUBJECT = "subject.json"
_USERS = "users.lock"
_RUN = "run"
_PAUSE_S = 0.005


@contextmanager
def handover_file() -> Iterator[Path]:
    """Yield where the subject will be; at the end, tell who waits for it that there is none.

    Raises:
        ServerError: there is no place for it.
    """
    with temporary_folders.folder() as folder:
        place = folder / _SUBJECT
        try:
            yield place
        finally:
            if not place.exists():
                with suppress(UserSyncError):  # Then the folder goes, which tells the same.
                    textfiles.write(place, "")


def deliver(place: Path, prepared: Subject) -> None:
    """Write the subject to a file, whole."""
    text = subject.hand_over(prepared)
    textfiles.write(place, text, mode=0o600)  # It may hold a password.


@contextmanager
def received(place: Path, settings: Settings, found: Project) -> Iterator[Subject]:
    """Wait for the subject, and yield it ready for use in this process.

    Raises:
        UserSyncError: there will be none, for the controller could not get it, or is gone.
    """
    controller = os.getppid()
    while not place.exists():
        # A process whose parent has died gets another one.
        if os.getppid() != controller or not place.parent.exists():
            break
        time.sleep(_PAUSE_S)
    text = Secret(place.read_text(encoding="utf-8") if place.exists() else "")
    if not text:
        raise UserSyncError("The run of this worker could not begin.")
    prepared = subject.take_over(text, found, settings.policies)
    with ExitStack() as exits:
        exits.callback(libpq_environment.hide(own=prepared.server.own))
        limit = settings.statement_timeout
        exits.enter_context(statement_timeout.watching(prepared.server, limit))
        yield prepared


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
    root = temporary_folders.place()
    with ExitStack() as exits:
        with _turn(root, run):
            folder = _folder(root, run)
            if folder is None:
                prepared, _ = exits.enter_context(subject.prepare(settings, found))
                exits.enter_context(_handed(root, run, prepared))
            else:
                exits.enter_context(_using(folder))
                prepared = exits.enter_context(received(folder / _SUBJECT, settings, found))
        yield prepared


@contextmanager
def _handed(root: Path, run: str, prepared: Subject) -> Iterator[None]:
    """Let the others have the subject; wait in the end until they are done with it."""
    try:
        made = owned_folders.make(root)
    except OSError as error:
        raise temporary_folders.no_room(root, error) from None
    try:
        _fill(made.path, run, prepared)
    except BaseException:
        made.remove()
        raise
    try:
        yield
    finally:
        # No other begins to use it while we wait; who comes after us makes another.
        with _turn(root, run):
            try:
                with suppress(FileNotFoundError), _using(made.path, wait_for_all=True):
                    pass
            finally:
                made.remove()


def _fill(folder: Path, run: str, prepared: Subject) -> None:
    (folder / _USERS).touch(mode=0o600)
    deliver(folder / _SUBJECT, prepared)
    # Last, for by this file the others know that the subject beside it is whole.
    textfiles.write(folder / _RUN, run)


def _folder(root: Path, run: str) -> Path | None:
    """Return the folder of the run whose maker is alive."""
    for path in owned_folders.names(root):
        with suppress(OSError):
            ours = (path / _RUN).read_text(encoding="utf-8") == run
            if ours and owned_folders.is_held(path):
                return path
    return None


@contextmanager
def _turn(root: Path, run: str) -> Iterator[None]:
    """Let one worker of the run at a time do what is in the block."""
    name = sha256(f"{os.geteuid()} {run}".encode()).hexdigest()[:16]
    path = root / f"{locks.PREFIX}turn-{name}"
    try:
        while (turn := locks.hold(path)) is None:
            time.sleep(_PAUSE_S)
    except OSError as error:
        raise temporary_folders.no_room(root, error) from None
    try:
        yield
    finally:
        locks.release(path, turn)


@contextmanager
def _using(folder: Path, *, wait_for_all: bool = False) -> Iterator[None]:
    """Hold a lock that all users of a folder share, or that nobody else holds."""
    descriptor = os.open(folder / _USERS, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait_for_all else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
