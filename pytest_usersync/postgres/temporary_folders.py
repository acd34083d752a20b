"""Temporary folders for small files of a run, found by all processes of the run."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..model.errors import ServerError


def places() -> Iterator[Path]:
    """Yield the folders for temporary files, the one to be preferred first."""
    with suppress(FileNotFoundError):  # Python has tried them all in vain.
        yield Path(tempfile.gettempdir())
    if sys.platform != "win32":
        yield Path("/tmp")  # noqa: S108
        yield Path("/var/tmp")  # noqa: S108


def place() -> Path:
    """Return the folder for temporary files that every process of a run chooses.

    Raises:
        ServerError: there is none.
    """
    for root in places():
        if is_usable(root):
            return root
    raise ServerError(
        "No temporary folder can be written. Set TMPDIR to a folder that you can write."
    )


def is_usable(root: Path) -> bool:
    """Tell whether folders can be made there, and libpq and other processes can be told of them."""
    try:
        str(root).encode()
    except UnicodeEncodeError:
        return False
    return root.is_absolute() and root.is_dir() and os.access(root, os.W_OK | os.X_OK)


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder that is there as long as the block runs, and for this user alone.

    Raises:
        ServerError: it cannot be made.
    """
    root = place()
    with ExitStack() as exits:
        try:
            made = exits.enter_context(below(root))
        except OSError as error:
            raise no_room(root, error) from None
        yield made


@contextmanager
def below(root: Path) -> Iterator[Path]:
    """Yield such a folder below another one, from which the leftovers of killed runs go, too.

    Raises:
        OSError: it cannot be made.
    """
    if sys.platform == "win32":
        with tempfile.TemporaryDirectory(dir=root) as name:
            yield Path(name)
        return
    from . import owned_folders  # noqa: PLC0415  It needs POSIX.

    owned_folders.sweep(root)
    made = owned_folders.make(root)
    try:
        yield made.path
    finally:
        made.remove()


def no_room(root: Path, error: OSError) -> ServerError:
    """Return what to tell when nothing can be made there."""
    return ServerError(
        f"No folder can be created in {root}: {error.strerror}. Free space there, or set TMPDIR."
    )
