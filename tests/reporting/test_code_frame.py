"""Frames of code: which lines they show, how they are cut, and that nothing in them can harm."""

from __future__ import annotations

import pytest

from pytest_usersync.model.finding import Location, Mark
from pytest_usersync.reporting.code_frame import frame

INSERT = Location("1.sql", 14, 5, "    insert into public.users (")
EMAIL = Mark(23, "        new.email,", "NULL for these users")


def test_a_frame_shows_the_place_and_the_marked_line() -> None:
    assert frame(INSERT, "sql/1.sql:14", [EMAIL]) == [
        " --> sql/1.sql:14",
        "  14 |     insert into public.users (",
        "  23 |         new.email,  <-- NULL for these users",
    ]


def test_a_mark_on_the_line_of_the_place_is_its_note() -> None:
    assert frame(INSERT, "1.sql:14", [Mark(14, INSERT.source, "twice")])[1:] == [
        "  14 |     insert into public.users (  <-- twice"
    ]


def test_lines_are_ordered_and_their_notes_stand_below_each_other() -> None:
    marks = [Mark(101, "    new.id", "known"), Mark(9, "  email text", "required")]

    assert frame(INSERT, "1.sql:14", marks)[1:] == [
        "    9 |   email text  <-- required",
        "   14 |     insert into public.users (",
        "  101 |     new.id    <-- known",
    ]


def test_a_place_without_its_text_is_shown_alone() -> None:
    assert frame(Location("1.sql", 14), "1.sql:14") == [" --> 1.sql:14"]


def test_the_path_is_never_cut() -> None:
    link = f"{'deep/' * 40}1.sql:14"

    assert frame(INSERT, link, width=40)[0] == f" --> {link}"


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("code", ["x" * 500, "\t" * 30 + "insert", "名" * 200, "\x1b" * 300])
def test_no_line_of_code_is_broader_than_the_terminal(width: int, code: str) -> None:
    shown = frame(Location("1.sql", 1, 1, code), "1.sql:1", [Mark(2, code, "n" * 300)], width=width)

    for line in shown[1:]:
        assert len(line) + line.count("名") <= width
    assert "<-- nnn" in shown[2]


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    code = f"{'a, ' * 60}WRONG{', b' * 60}"

    shown = frame(Location("1.sql", 3, code.index("WRONG") + 1, code), "1.sql:3")[1]

    assert "WRONG" in shown
    assert shown.startswith("  3 | …")
    assert shown.endswith("…")


def test_nothing_in_the_code_moves_the_cursor_or_hides() -> None:
    shown = frame(
        Location("1.sql", 1, 1, "a\x1b[2J\u202e\tb"), "1.sql:1", [Mark(2, "c\r", "d\ne\x07")]
    )

    assert shown[1:] == [r"  1 | a\x1b[2J\u202e  b", r"  2 | c  <-- d e\x07"]
