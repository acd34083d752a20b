"""Read one file of a project; a file that cannot be read fails when it is applied."""

from __future__ import annotations

import re
from pathlib import Path

from ..model.finding import Failure, Location
from . import layouts
from .layouts import SourceFile
from .model import Manner, Migration, show_path

_LABEL = re.compile(r"([0-9]+)_(.*)", re.DOTALL)


def read(rootdir: Path, file: SourceFile, role: str = "") -> Migration:
    """Return one file as it is to be applied.

    The content of a file that the user names decides how: a dump is applied as psql does, and of a
    file that can also be undone only the "up" part.
    """
    named = _LABEL.fullmatch(file.label)
    version, name = (named[1], named[2]) if named else (file.label, file.label)
    content = b""
    try:
        content = file.path.read_bytes()
        failure = _zero_byte_failure(content, show_path(rootdir, file.path))
    except OSError as error:
        place = Location(show_path(rootdir, file.path), 1)
        # PostgreSQL's own code for a file that cannot be read.
        failure = Failure("58030", f"the file cannot be read: {error.strerror}", location=place)
    text = "" if failure else content.decode("utf-8", "surrogateescape")
    manner, text = _choose_manner(file, text)
    return Migration(file.path, version, name, text, manner, role, failure)


def _choose_manner(file: SourceFile, text: str) -> tuple[Manner, str]:
    if file.as_is or file.manner in (Manner.SEED, Manner.SCRIPT):
        return file.manner, text
    if (up := layouts.keep_way_up(text)) is not None:
        return Manner.BATCH, up
    if file.manner is Manner.CLI and not _LABEL.fullmatch(file.label) and layouts.is_dump(text):
        return Manner.SCRIPT, text
    return file.manner, text


def _zero_byte_failure(content: bytes, name: str) -> Failure | None:
    """Return the failure of a file with a zero byte, which cannot be sent to PostgreSQL."""
    offset = content.find(0)
    if offset < 0:
        return None
    line = content.count(b"\n", 0, offset) + 1
    return Failure(
        "22021",
        f"the file is not text: byte 0x00 at offset {offset}, line {line}",
        hint="Save it as UTF-8.",
        location=Location(name, line),
    )
