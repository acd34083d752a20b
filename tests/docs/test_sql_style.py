"""The house's manners of SQL, for every file that ships."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

SQL = Path(__file__).parents[2] / "sql"
FILES = sorted(SQL.rglob("*.sql"))

COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"", re.DOTALL)
FUNCTION = re.compile(r"^create (?:or replace )?function .*?^as \$", re.DOTALL | re.MULTILINE)


def layout_faults(text: str) -> list[str]:
    """Return what breaks the layout: tabs, spaces at a line's end, a last line without an end."""
    faults = ["tab"] if "\t" in text else []
    faults += ["trailing space"] if re.search(r" +$", text, re.MULTILINE) else []
    faults += [] if text.endswith("\n") and not text.endswith("\n\n") else ["end of file"]
    return faults


def upper_case_words(text: str) -> list[str]:
    """Return the words with upper-case letters that stand outside comments and quotes."""
    return re.findall(r"\w*[A-Z]\w*", QUOTED.sub("''", text))


def unpinned_functions(text: str) -> list[str]:
    """Return the security definer functions whose search_path is neither empty nor explained."""
    if any("search_path" in comment for comment in COMMENT.findall(text)):
        return []
    return [
        header.splitlines()[0]
        for header in FUNCTION.findall(text)
        if "security definer" in header and "set search_path = ''" not in header
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SQL).as_posix())
def test_a_packaged_file_keeps_the_manners(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert layout_faults(text) == []
    assert upper_case_words(text) == []
    assert unpinned_functions(text) == []
    assert text.startswith("-- "), "a file says first what it is for"
    assert re.fullmatch(r"[a-z0-9_-]+\.sql", path.name)


def test_every_migration_has_a_name_that_the_cli_applies_and_a_version_of_its_own() -> None:
    names = [path.name for path in FILES if path.parent.name == "migrations"]
    assert names
    assert [name for name in names if not re.fullmatch(r"\d{14}_[a-z0-9_]+\.sql", name)] == []
    assert max(Counter(name[:14] for name in names).values()) == 1


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("select 1;\n", []),
        ("\tselect 1;\n", ["tab"]),
        ("select 1; \n", ["trailing space"]),
        ("select 1;", ["end of file"]),
    ],
)
def test_faults_of_layout_are_seen(text: str, faults: list[str]) -> None:
    assert layout_faults(text) == faults


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select 'It''s FINE' as \"Fine\"; -- FINE\n", []),
        ("SELECT now() As moment;\n", ["SELECT", "As"]),
    ],
)
def test_upper_case_is_seen_outside_quotes_and_comments(text: str, words: list[str]) -> None:
    assert upper_case_words(text) == words


DEFINER = (
    "create function public.f()\n    returns int\n    security definer\n{}as $$ select 1 $$;\n"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (DEFINER.format(""), ["create function public.f()"]),
        (DEFINER.format("    set search_path = public\n"), ["create function public.f()"]),
        (DEFINER.format("    set search_path = ''\n"), []),
        ("-- search_path: why\n" + DEFINER.format("    set search_path = public\n"), []),
        ("create function public.f()\n    returns int\nas $$ select 1 $$;\n", []),
    ],
)
def test_a_security_definer_function_pins_its_search_path(text: str, found: list[str]) -> None:
    assert unpinned_functions(text) == found
