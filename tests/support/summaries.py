"""What a run prints of ours, and the files that hold it: one for each example.

To write the files anew after a change of the words:

    USERSYNC_REWRITE=1 USERSYNC_WHOLE_MATRIX=1 pytest tests/docs/test_summaries.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "summaries"
_HEADING = re.compile(r"=+ (usersync: .*?) =+")
_CLOSING = re.compile(r"=+ .* in [\d.]+s.* =+")


def ours(stdout: str) -> list[str]:
    """Return the lines from our heading to pytest's closing line, without that one."""
    lines = stdout.splitlines()
    start = next(at for at, line in enumerate(lines) if _HEADING.fullmatch(line))
    end = next(at for at, line in enumerate(lines) if at > start and _CLOSING.fullmatch(line))
    return lines[start:end]


def kept(name: str, stdout: str) -> list[str]:
    """Return the lines of ours, and require that they are those of the example's file."""
    shown = ours(stdout)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("USERSYNC_REWRITE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([*shown, ""]), encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8").splitlines()
    return shown
