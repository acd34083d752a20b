"""The package's structure: no towers of classes, small functions, and layers without exceptions."""

from __future__ import annotations

import ast
import statistics
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_usersync"
# A class and its base: who reads a method looks into two files at most.
DEEPEST = 2
# Errors stand for what `except` is to catch, and share no code: they may have one level more.
ERRORS = {"UserSyncError"}

Bases = dict[str, set[str]]


def bases_of(texts: Iterable[str]) -> Bases:
    """Return the names of the bases of each class; equal names count as one class."""
    found: Bases = {}
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(named(node.bases))
    return found


def named(bases: Iterable[ast.expr]) -> Iterator[str]:
    for base in bases:
        plain = base.value if isinstance(base, ast.Subscript) else base
        yield plain.attr if isinstance(plain, ast.Attribute) else ast.unparse(plain)


def depth(name: str, bases: Bases) -> int:
    """Return how many of our own classes stand on top of each other, this one included."""
    own = [base for base in bases[name] if base in bases and base not in {name, *ERRORS}]
    return 1 + max((depth(base, bases) for base in own), default=0)


def towers(bases: Bases) -> set[str]:
    return {name for name in bases if depth(name, bases) > DEEPEST}


def test_no_inheritance_is_deeper_than_two_of_our_own_classes() -> None:
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert towers(bases_of(texts)) == set()


def test_a_tower_is_seen() -> None:
    code = "class A: ...\nclass B(A): ...\nclass C(m.B[int]): ...\nclass D(dict): ..."
    assert towers(bases_of([code])) == {"C"}


def lengths(texts: Iterable[str]) -> list[int]:
    """Return how many lines each function has, the signature and the docstring included."""
    return [
        (node.end_lineno or 0) - node.lineno + 1
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_a_function_fits_on_one_screen() -> None:
    found = lengths(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert statistics.median(found) <= 10
    assert statistics.quantiles(found, n=10)[-1] <= 25


def test_the_lines_of_a_function_are_counted() -> None:
    assert lengths(["def f():\n    def g(): ...\n    return g"]) == [3, 1]


def test_a_file_is_read_in_one_sitting() -> None:
    long = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 320
    }
    assert long == {}


def test_the_layers_are_few_and_have_no_exceptions() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = data["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    assert len(layers) <= 16
    assert not any("ignore_imports" in one for one in contracts)


def private_words() -> set[str]:
    """Return the words that CONTRIBUTING.md says not to use in the code."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("In the code:")[2].partition("In text for people:")[0]
    rows = (line.split("|") for line in table.splitlines() if line.startswith("| "))
    return {word.strip("` ") for row in rows for word in row[2].split(",")}


def test_no_module_has_a_private_word_for_its_name() -> None:
    words = private_words()
    assert {"arena", "bait", "trip"} <= words
    assert [path for path in PACKAGE.rglob("*.py") if path.stem in words] == []
