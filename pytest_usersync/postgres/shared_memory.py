"""Give back the shared memory of a server that was killed: its next start would, and has none.

PostgreSQL keeps a few bytes of System V shared memory for every data folder, and writes the key and
the id into ``postmaster.pid``. After ``kill -9`` they stay until the machine starts anew.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

_SEGMENTS = Path("/proc/sysvipc/shm")
_IPC_RMID = 0
_KEYS = 2**32


def release(data: Path) -> None:
    """Remove the segment that the dead server of a data folder has left, if it is still that one.

    Elsewhere than on Linux nothing is done: only there the segments are listed.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        # The seventh line has the key and the id of the segment.
        pid, (key, number) = int(lines[0]), map(int, lines[6].split())
        listed = _SEGMENTS.read_text().splitlines()[1:]
    except (OSError, ValueError, IndexError):
        return
    # key, id, permissions, size, process that made it; keys have 32 bits, here with a sign
    rows = [tuple(map(int, line.split()[:5])) for line in listed]
    known = [(row[0] % _KEYS, row[1], row[4]) for row in rows]
    if (key % _KEYS, number, pid) in known:
        ctypes.CDLL(None).shmctl(number, _IPC_RMID, None)
