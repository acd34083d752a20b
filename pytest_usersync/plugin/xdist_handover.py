"""A file by which xdist's controller hands the subject to its workers while they start."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..model.errors import UserSyncError
from ..postgres import Secret, temporary_folders
from ..process import textfiles

_PAUSE_S = 0.005


@contextmanager
def handover_file() -> Iterator[Path]:
    """Yield where the text will be; whoever waits for it is told when there will be none.

    Raises:
        ServerError: there is no place for it.
    """
    with temporary_folders.folder() as folder:
        place = folder / "subject.json"
        try:
            yield place
        finally:
            if not place.exists():
                with suppress(UserSyncError):  # Then the folder goes, which tells the same.
                    deliver(place, "")


def deliver(place: Path, text: str) -> None:
    """Let the text be there, whole."""
    textfiles.write(place, text, mode=0o600)  # It may hold a password.


def wait_for(place: Path) -> str:
    """Return the text as soon as it is there.

    Raises:
        UserSyncError: there will be none, for the controller could not get it, or is gone.
    """
    controller = os.getppid()
    while not place.exists():
        if os.getppid() != controller or not place.parent.exists():
            break
        time.sleep(_PAUSE_S)
    text = place.read_text(encoding="utf-8") if place.exists() else ""
    if not text:
        raise UserSyncError("The run of this worker could not begin.")
    return Secret(text)
