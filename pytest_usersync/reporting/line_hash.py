"""The hash by which GitHub code scanning knows a line again that has moved.

It is the one that github/codeql-action computes when it uploads a file without hashes
(``src/fingerprints.ts``; the plain API does not). It warns of another value, so this is the same: a
polynomial over the hundred UTF-16 units from the start of the line, without spaces and tabs,
modulo 2**64; behind the colon stands the how-manieth such line of the file it is.
"""

from __future__ import annotations

import functools
from pathlib import Path

_UNITS = 100
_BASE = 37
_MODULUS = 2**64
_END = "\uffff"
_FILES = 64


def line_hash(path: Path, line: int) -> str:
    """Return the hash of a line of a file, or nothing when there is no such line to read."""
    try:
        changed = path.stat()
        starts, text = _file(path, changed.st_mtime_ns, changed.st_size)
    except OSError:
        return ""
    if not 0 < line <= len(starts):
        return ""
    return _hash(text, starts, line - 1)


def _hash(text: bytes, starts: list[int], line: int) -> str:
    windows = [text[2 * start : 2 * (start + _UNITS)] for start in starts[: line + 1]]
    number = windows.count(windows[-1])
    value = 0
    for place in range(_UNITS):
        unit = windows[-1][2 * place : 2 * place + 2]
        value = (value * _BASE + int.from_bytes(unit, "little")) % _MODULUS
    return f"{value:x}:{number}"


@functools.lru_cache(_FILES)
def _file(path: Path, _changed: int, _size: int) -> tuple[list[int], bytes]:
    """Return where the lines of a file start, and the file in UTF-16 without blanks."""
    text = path.read_bytes().decode(errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    starts = [0]
    position = 0
    for part in text.split("\n")[:-1]:
        position += len(part.encode("utf-16-le")) // 2 + 1
        starts.append(position)
    return starts, f"{text}{_END}".encode("utf-16-le", errors="replace")
