"""Which policies a check reads: in its own file, and in all that it calls.

A graph of calls, read from the source. Where it is not known which class a method is called of, it
is that of every class in sight. So a policy may be named that no case of the check comes to, but
none is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..model.policy import CHOICES
from ..runner.check import Check

_ABOVE = Path(__file__).parents[2]


class _Defined(NamedTuple):
    """Something that a module defines."""

    module: str
    node: ast.stmt


class _Module(NamedTuple):
    defined: dict[str, _Defined]
    imported: dict[str, tuple[str, str]]


def policies(check: Check) -> list[str]:
    """Return the policies on which a verdict or a remedy of the check may depend."""
    calls = _Calls()
    calls.follow(_find(check.run.__module__, check.run.__name__))
    calls.follow_methods()
    return [name for name in CHOICES if name in calls.policies]


class _Calls:
    """What can be called from where we began."""

    def __init__(self) -> None:
        self.policies: set[str] = set()
        self._attributes: set[str] = set()
        self._classes: list[_Defined] = []
        self._followed: set[ast.stmt] = set()

    def follow(self, found: _Defined | None) -> None:
        """Go through a definition and all that it names."""
        if found is None or found.node in self._followed:
            return
        self._followed.add(found.node)
        if isinstance(found.node, ast.ClassDef):
            self._classes.append(found)
        for node in _named(found.node):
            if isinstance(node, ast.Name):
                self.follow(_find(found.module, node.id))
            else:
                self._attribute(found.module, node)

    def follow_methods(self) -> None:
        """Go through the methods that are called by their name, until nothing new is called."""
        before = -1
        while before < len(self._followed):
            before = len(self._followed)
            for module, node in [*self._classes]:
                for method in _methods(node):
                    if method.name in self._attributes or method.name.startswith("__"):
                        self.follow(_Defined(module, method))

    def _attribute(self, module: str, node: ast.Attribute) -> None:
        self._attributes.add(node.attr)
        owner = node.value
        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        if node.attr in CHOICES and name.lstrip("_") == "policies":
            self.policies.add(node.attr)
        if isinstance(owner, ast.Name) and (whole := _module_named(module, owner.id)):
            self.follow(_find(whole, node.attr))


# Checks share most of what they call.
@cache
def _named(node: ast.stmt) -> tuple[ast.Name | ast.Attribute, ...]:
    """Return the names and attributes in a definition, but for those in methods of a class."""
    found = _without_methods(node)
    return tuple(one for one in found if isinstance(one, ast.Name | ast.Attribute))


def _without_methods(node: ast.AST) -> Iterator[ast.AST]:
    methods = _methods(node)
    for child in ast.iter_child_nodes(node):
        if child not in methods:
            yield child
            yield from _without_methods(child)


@cache
def _methods(node: ast.AST) -> tuple[ast.FunctionDef, ...]:
    body = node.body if isinstance(node, ast.ClassDef) else ()
    return tuple(one for one in body if isinstance(one, ast.FunctionDef))


@cache
def _find(module: str, name: str) -> _Defined | None:
    """Return what a name means in a module, wherever it is defined in this package."""
    read = _read(module)
    if read is None or name in read.defined:
        return read and read.defined[name]
    whole = name not in read.imported or _module_named(module, name)
    return None if whole else _find(*read.imported[name])


@cache
def _module_named(module: str, name: str) -> str:
    read = _read(module)
    whole = ".".join(read.imported.get(name, ())) if read else ""
    return whole if whole and _read(whole) else ""


@cache
def _read(module: str) -> _Module | None:
    """Return what a module of this package defines and imports, wherever in it."""
    path = _ABOVE / Path(*module.split("."))
    file = next(filter(Path.is_file, (path.with_suffix(".py"), path / "__init__.py")), None)
    if file is None:
        return None
    tree = ast.parse(file.read_text("utf-8"))
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    defined = {name: _Defined(module, node) for node in tree.body for name in _names(node)}
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    imported = {
        one.asname or one.name: (_absolute(package, node), one.name)
        for node in imports
        for one in node.names
    }
    return _Module(defined, imported)


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    for target in getattr(node, "targets", [getattr(node, "target", None)]):
        if isinstance(target, ast.Name):
            yield target.id


def _absolute(package: str, node: ast.ImportFrom) -> str:
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
