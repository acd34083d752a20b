"""The page with every check against every design, made from what the designs say of themselves.

To write it anew:
``PYTHONPATH=tests/support python tests/checks/test_matrix_page.py > docs/matrix.md``.
``test_every_check.py`` tests that the designs say the truth.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from acts import PROJECTS, SCENARIOS, code_of, pairs, sound

from pytest_usersync.checks import registry

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"
CODES = sorted(check.code for check in registry.every())
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

No check speaks on one of these, which are in `tests/projects`, nor where every table, column,
function and trigger has another name.
"""
BROKEN = """
## Broken designs

At least two for every check, in `tests/scenarios`. Each has a mended twin, with the remedy of the
finding wherever that is SQL to paste. None speaks on a twin, unless a line shows it.
"""


def line(title: str, spoken: set[str]) -> str:
    """Return a line of the matrix, the checks parted by chapter."""
    signs = " ".join(
        "".join("#" if code in spoken else "." for code in chapter) for chapter in chapters()
    )
    return f"{title[: WIDTH - 1]:<{WIDTH}}{signs}"


def chapters() -> list[list[str]]:
    return [list(codes) for _, codes in groupby(CODES, lambda code: code[:3])]


def head() -> Iterator[str]:
    """Yield the numbers of the codes, read from the top down."""
    for digit in (2, 3, 4):
        yield " " * WIDTH + " ".join("".join(code[digit] for code in codes) for codes in chapters())


def all_sound() -> Iterator[str]:
    yield from head()
    for name in PROJECTS:
        yield line(name, set())


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


def all_broken() -> Iterator[str]:
    yield from head()
    for name in sorted(SCENARIOS, key=code_of):
        code = code_of(name)
        yield f"{code} {name.replace('_', '-')}"
        for pair in pairs(SCENARIOS[name]):
            yield line(f"  {pair.broken.title}", {code} | pair.broken.also)
            if pair.mended.also:
                yield line(f"  {pair.mended.title}", pair.mended.also)


def page() -> str:
    return "".join(
        (
            INTRO.lstrip(),
            f"{SOUND}\n{listed(described())}\n{block(all_sound())}",
            f"{BROKEN}\n{block(all_broken())}",
        )
    )


def listed(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def block(lines: Iterable[str]) -> str:
    return f"```text\n{listed(lines)}```\n"


def test_the_page_shows_what_the_designs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew, as this file's head tells"


def test_every_check_has_two_broken_designs_of_its_own() -> None:
    few = [name for name, path in SCENARIOS.items() if len(pairs(path)) < 2]
    assert few == []


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
