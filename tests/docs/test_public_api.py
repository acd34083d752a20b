"""What users are shown imports only what is public, and all that is public can be used."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_usersync

ROOT = Path(__file__).parents[2]
MODULES = ("", ".postgresql", ".stateful", ".strategies")
NAMES = {
    f"pytest_usersync{module}": importlib.import_module(f"pytest_usersync{module}").__all__
    for module in MODULES
}
PUBLIC = {f"{module}.{name}" for module, names in NAMES.items() for name in names}
TYPED = sorted(ROOT.glob("tests/typing/*.py"))
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
SHOWN = [*PAGES, *ROOT.glob("examples/**/*.py"), *TYPED]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOTTED = re.compile(r"\bpytest_usersync(?:\.\w+)+")


def imported(code: str) -> Iterator[str]:
    """Yield the names of ours that some Python code imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.startswith("pytest_usersync"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_usersync"):
            yield from (f"{node.module}.{one.name}" for one in node.names)


def mentioned(path: Path) -> set[str]:
    """Return what a page or a file of Python imports from us, or names with dots."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return set(imported(text))
    return {
        *DOTTED.findall(text),
        *(name for code in BLOCK.findall(text) for name in imported(code)),
    }


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_shown_imports_only_what_is_public(path: Path) -> None:
    assert mentioned(path) <= PUBLIC | NAMES.keys()


def test_deep_imports_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    block = "```python\nfrom pytest_usersync import run\n```"
    page.write_text(f"See `pytest_usersync.auth.User`.\n{block}\n", encoding="utf-8")
    assert mentioned(page) == {"pytest_usersync.auth.User", "pytest_usersync.run"}
    assert not mentioned(page) & PUBLIC


def test_the_typing_tests_use_every_public_name() -> None:
    assert {name for path in TYPED for name in mentioned(path)} == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_is_there_and_says_what_it_is(name: str) -> None:
    module, _, word = name.rpartition(".")
    value = getattr(importlib.import_module(module), word)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
        assert not value.__doc__.startswith(f"{word}("), "that is what a dataclass makes up"


def test_there_is_no_other_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Users'"):
        pytest_usersync.Users  # noqa: B018
