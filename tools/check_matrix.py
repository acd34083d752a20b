"""Print every check against every design, broken and sound, as the designs say it of themselves.

    python tools/check_matrix.py > matrix.md

The suite and `tox -e matrix` test that the designs say the truth
(`tests/checks/test_every_check.py`).
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from acts import PROJECTS, SCENARIOS, code_of, pairs, sound  # noqa: E402

from pytest_usersync.checks import registry  # noqa: E402

CODES = [check.code for check in registry.every()]
WIDTH = 70

INTRO = """
# Every check against every design

A line is a design of a sync, a column is a check. `#` is a broken promise that is reported; a `.`
is silence. `tox -e matrix` judges every design by every check, and fails where a sign is not as
here. The suite does so with every sound design; of two broken ones for each check it asks only what
they break.
"""
SOUND = """
## Sound designs

No check speaks on one of these, which are in `tests/projects`. That is the same when every table,
column, function and trigger has another name.
"""
BROKEN = """
## Broken designs

Every check has at least two, in `tests/scenarios`. Each has a mended twin, with the remedy of the
finding wherever that is SQL to paste. No check speaks on a twin, unless a line shows it.
"""


def page() -> str:
    """Return the page."""
    return "".join(
        (
            INTRO.lstrip(),
            f"{SOUND}\n{listed(described())}\n{block(all_sound())}",
            f"{BROKEN}\n{block(all_broken())}",
        )
    )


def described() -> Iterator[str]:
    """Yield what a sound design says first of itself, and the policies that it is sound by."""
    for name, path in PROJECTS.items():
        said = re.match(r"(?:-- .*\n)+", path.read_text(encoding="utf-8"))
        assert said, f"{name} does not say what it is"
        words = [text.removeprefix("-- ") for text in said[0].splitlines()]
        about = " ".join(word for word in words if not word.startswith("policy: "))
        meant = ", ".join(f"{policy} = {value}" for policy, value in sound(name).policies.items())
        yield textwrap.fill(
            f"* `{name}`: {about}" + (f" (By policy: {meant}.)" if meant else ""),
            98,
            subsequent_indent="  ",
            break_on_hyphens=False,
        )


def all_sound() -> Iterator[str]:
    """Yield a line for each sound design."""
    yield from head()
    for name in PROJECTS:
        yield line(name, set())


def all_broken() -> Iterator[str]:
    """Yield the lines of each check: its broken designs, and twins on which others speak."""
    yield from head()
    for name in sorted(SCENARIOS, key=code_of):
        code = code_of(name)
        yield f"{code} {name.replace('_', '-')}"
        for pair in pairs(SCENARIOS[name]):
            yield line(f"  {pair.broken.title}", {code} | pair.broken.also)
            if pair.mended.also:
                yield line(f"  {pair.mended.title}", pair.mended.also)


def head() -> Iterator[str]:
    """Yield the numbers of the codes, read from the top down."""
    for digit in (2, 3, 4):
        yield " " * WIDTH + " ".join("".join(code[digit] for code in codes) for codes in chapters())


def line(title: str, spoken: set[str]) -> str:
    """Return a line of the matrix, with a space between chapters."""
    signs = " ".join(
        "".join("#" if code in spoken else "." for code in chapter) for chapter in chapters()
    )
    return f"{title[: WIDTH - 1]:<{WIDTH}}{signs}"


def chapters() -> list[list[str]]:
    """Return the codes, chapter by chapter."""
    return [list(codes) for _, codes in groupby(CODES, lambda code: code[:3])]


def listed(lines: Iterable[str]) -> str:
    """Return lines as one text."""
    return "".join(f"{line}\n" for line in lines)


def block(lines: Iterable[str]) -> str:
    """Return lines as a block that keeps its columns."""
    return f"```text\n{listed(lines)}```\n"


if __name__ == "__main__":
    print(page(), end="")
