"""ARCHITECTURE.md leads a stranger to the right file, and shows the rooms as they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "ARCHITECTURE.md").read_text(encoding="utf-8")

LINK = re.compile(r"\]\(([^)#]+)\)")
# A link, and the name that the page says is in that file.
LINK_AND_NAME = re.compile(r"\]\(([^)]+)\)[:,]? `(\w+)`")

# What a developer looks for, and the text by which the right file is known.
LOOKED_FOR = {
    "the check that users without an email can sign up": [r'"US104"', r"^def null_email_blocked\("],
    "the INSERT of an anonymous signup": [
        r"^ *def sign_in_anonymously\(",
        r'insert\("users", \*',
        r"^USER_COLUMNS = ",
    ],
    "the SQL of `auth.users`": [r"^create table auth\.users \("],
    "what decides that a column is a copy of a user's value": [r"copied: bool", r"CHANGES: dict"],
    "the JSON format": [r"^def document\(", r"json\.dumps"],
    "where an interleaving is pruned": [r"sleep\s+sets", r"def meets\("],
}


def row(question: str) -> str:
    """Return the line of the page's table that answers a question."""
    (found,) = [line for line in PAGE.splitlines() if line.startswith(f"| {question} |")]
    return found


def text_of(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def rooms_of_the_picture() -> list[list[str]]:
    picture = PAGE.partition("```text\n")[2].partition("```")[0]
    return [re.split(r" {2,}", line)[0].split(" | ") for line in picture.splitlines()]


@pytest.mark.parametrize("question", LOOKED_FOR)
def test_a_question_is_answered_with_files_that_hold_the_answer(question: str) -> None:
    texts = [text_of(path) for path in LINK.findall(row(question))]
    missing = [
        wanted
        for wanted in LOOKED_FOR[question]
        if not any(re.search(wanted, text, re.MULTILINE) for text in texts)
    ]
    assert missing == []


def test_every_link_leads_somewhere() -> None:
    assert [path for path in LINK.findall(PAGE) if not (CHECKOUT / path).exists()] == []


def test_every_name_is_in_the_file_that_the_page_gives_for_it() -> None:
    named = LINK_AND_NAME.findall(PAGE)
    assert named
    assert [pair for pair in named if not re.search(rf"\b{pair[1]}\b", text_of(pair[0]))] == []


def test_the_picture_shows_the_layers_of_the_import_linter() -> None:
    settings = tomllib.loads(text_of("pyproject.toml"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert rooms_of_the_picture() == [layer.split(" | ") for layer in layers]


def test_the_page_says_what_each_room_is_for() -> None:
    package = CHECKOUT / "pytest_usersync"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    rooms |= {path.stem for path in package.glob("[!_]*.py")}
    shown = {room for line in rooms_of_the_picture() for room in line}
    assert shown == rooms
