"""The hash of a line is the one that GitHub's upload action computes, unit by unit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.reporting.line_hash import line_hash

TEXTS = (
    "",
    "one line",
    "create table a ();\n\n\tselect 1;\n",
    "a\r\nb\rc\r \nd",
    "same();\n" * 30,
    "ä 🎈 long " * 40 + "\nend",
    "broken \udcff bytes\n",
)


def rolled(text: str) -> Iterator[str]:
    """Yield the hash of each line as the action does: one unit after the other, in a ring."""
    ring, lines, place, value, seen = [0] * 100, [0] * 100, 0, 0, dict[str, int]()
    units = [*_units(text), 0xFFFF]
    fresh, number = True, 0
    for index in range(len(units) + 100):
        if lines[place]:
            seen[f"{value:x}"] = seen.get(f"{value:x}", 0) + 1
            yield f"{value:x}:{seen[f'{value:x}']}"
            lines[place] = 0
        unit = units[index] if index < len(units) else 0
        if index < len(units):
            if fresh:
                number += 1
                lines[place] = number
            fresh = unit == ord("\n")
        value = (value * 37 + unit - 37**100 * ring[place]) % 2**64
        ring[place] = unit
        place = (place + 1) % 100


def _units(text: str) -> Iterator[int]:
    after_return = False
    for char in text:
        if char in " \t" or (after_return and char == "\n"):
            after_return = False
            continue
        after_return = char == "\r"
        data = ("\n" if after_return else char).encode("utf-16-le")
        yield from (data[at] + 256 * data[at + 1] for at in range(0, len(data), 2))


@pytest.mark.parametrize("text", TEXTS)
def test_every_line_has_the_hash_that_the_action_computes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "1.sql"
    path.write_bytes(text.encode(errors="surrogateescape"))
    read = path.read_bytes().decode(errors="replace")
    expected = [*rolled(read)]
    assert [line_hash(path, line) for line in range(1, len(expected) + 1)] == expected
    assert line_hash(path, len(expected) + 1) == ""
    assert line_hash(path, 0) == ""


def test_a_line_keeps_its_hash_when_it_moves_and_changes_it_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "1.sql"
    path.write_text("select 1;\nselect 2;\n")
    first = line_hash(path, 2)
    path.write_text("-- a line above\nselect  1;\n\n\tselect 2;\n")
    assert line_hash(path, 4) == first
    path.write_text("select 1;\nselect 3;\n")
    assert line_hash(path, 2) != first


def test_what_is_no_file_has_no_hash(tmp_path: Path) -> None:
    assert line_hash(tmp_path, 1) == ""
    assert line_hash(tmp_path / "none.sql", 1) == ""
