"""A machine of our own for the campaign: Linux namespaces with empty temporary places.

In them nobody else makes files, processes or shared memory. So whatever is there afterwards, and
was not there before, is ours, and a fault can do no harm outside.
"""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

INSIDE = "--inside"
LAB = Path("/mnt")
PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108
# The namespaces end with whoever asked for them, however that ends.
_UNSHARE = (
    *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--ipc"),
    *("--fork", "--mount-proc", "--kill-child"),
)


@functools.cache
def refusal() -> str:
    """Return why there can be no such namespaces here; empty when there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "namespaces with empty temporary places need Linux and root"
    try:
        done = subprocess.run(
            [*_UNSHARE, "sh", "-c", "mount -t tmpfs none /mnt"],
            capture_output=True,
            check=False,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"there are no namespaces here: {error}"
    return f"there are no namespaces here: {done.stderr.strip()}" if done.returncode else ""


def command(arguments: Iterable[str], needed: Iterable[Path]) -> list[str]:
    """Return the command that runs the campaign inside.

    Args:
        arguments: what the campaign is to do.
        needed: files and folders that must stay reachable, even below a temporary place.
    """
    inside = [sys.executable, str(Path(__file__).parent), INSIDE, *arguments]
    # The shell stays, as process 1: it reaps whoever loses his parent.
    script = "\n".join(["set -e", *_mounts(needed), f"{shlex.join(inside)} || exit $?", "exit 0"])
    return [*_UNSHARE, "sh", "-c", script]


def _mounts(needed: Iterable[Path]) -> Iterable[str]:
    """Yield shell lines that cover every temporary place, but for what is needed from there."""
    paths = sorted({path.resolve() for path in needed})
    for place in PLACES:
        kept = [path for path in paths if path.is_relative_to(place)]
        yield f"mount --bind {place} {LAB}"
        yield f"mount -t tmpfs -o mode=1777 none {place}"
        for path in kept:
            held = LAB / path.relative_to(place)
            yield f"mkdir -p {shlex.quote(str(path))}"
            yield f"mount --bind {shlex.quote(str(held))} {shlex.quote(str(path))}"
        yield f"umount {LAB}"
    yield f"mount -t tmpfs -o mode=755 none {LAB}"
