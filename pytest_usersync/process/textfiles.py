"""Write a text file whole or not at all: a full disk, a kill or an error leaves the old one."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from ..model.errors import ConfigurationError


def write(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file in UTF-8 in place of the one that is there; bytes of no text become escapes.

    A link stays a link: the file that it leads to is written.

    Args:
        path: the file.
        text: all that is to stand in it.
        mode: who may read a file that is new, before the umask.

    Raises:
        ConfigurationError: it cannot be written; the file that was there is as it was.
    """
    data = text.encode(errors="backslashreplace")
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # /dev/stdout and the like cannot be replaced.
        else:
            _replace(target, data, mode)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}. Free space, or name another file."
        ) from None


def _replace(path: Path, data: bytes, mode: int) -> None:
    # A name of its own: a file of the user's might have any that can be foreseen.
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            # The new file takes the old one's place, and so its permissions too.
            with suppress(FileNotFoundError):
                os.fchmod(descriptor, stat.S_IMODE(path.stat().st_mode))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
