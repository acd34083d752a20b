"""The package's classes: composition, and no towers of classes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pytest_usersync"
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
