"""The shelf is found by walking it, so what stands on it must be in order."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

import pytest_usersync.checks
from pytest_usersync.checks import registry
from pytest_usersync.checks.registry import BadCheckFile
from pytest_usersync.model.errors import ConfigurationError
from pytest_usersync.model.finding import Finding, Level
from pytest_usersync.runner.check import Check, check
from pytest_usersync.runner.context import CheckContext


@check("US901", level=Level.ERROR)
def first(context: CheckContext) -> Iterable[Finding]:
    """The first promise."""
    return ()


@check("US902", level=Level.ERROR)
def second(context: CheckContext) -> Iterable[Finding]:
    """The second promise."""
    return ()


def module(name: str, **contents: object) -> ModuleType:
    made = ModuleType(f"shelf.{name}")
    vars(made).update(contents)
    return made


def test_every_file_on_the_shelf_is_a_check() -> None:
    shelf = Path(pytest_usersync.checks.__file__).parent
    files = [path.stem for path in shelf.glob("*/*.py") if not path.stem.startswith("_")]
    assert sorted(one.name.replace("-", "_") for one in registry.every()) == sorted(files)


def test_checks_come_by_code() -> None:
    codes = [one.code for one in registry.every()]
    assert codes == sorted(codes)


def write(folder: Path, name: str, *codes: str) -> None:
    path = folder / "signup" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f'@check("{code}")\n' for code in codes), encoding="utf-8")


@pytest.mark.parametrize("codes", [(), ("US901", "US902")])
def test_a_file_that_does_not_declare_one_check_is_refused_unread(
    tmp_path: Path, codes: tuple[str, ...]
) -> None:
    write(tmp_path, "first", *codes)
    with pytest.raises(BadCheckFile, match=rf"shelf\.signup\.first declares {len(codes)} checks"):
        registry.read_entries(tmp_path, "shelf")


def test_a_file_declares_exactly_one_check() -> None:
    with pytest.raises(BadCheckFile, match=r"shelf\.first declares 2 checks"):
        registry.declared(module("first", one=first, other=second))
    with pytest.raises(BadCheckFile, match=r"shelf\.first declares 0 checks"):
        registry.declared(module("first"))


def test_a_check_is_named_like_its_file() -> None:
    with pytest.raises(BadCheckFile, match=r"shelf\.other declares first"):
        registry.declared(module("other", it=first))


def test_a_code_is_used_once(tmp_path: Path) -> None:
    write(tmp_path, "first", "US901")
    write(tmp_path, "second", "US901")
    with pytest.raises(BadCheckFile, match=r"second declares US901, as another file does"):
        registry.read_entries(tmp_path, "shelf")


def test_a_check_has_a_code_and_a_promise() -> None:
    def silent(context: CheckContext) -> Iterable[Finding]:
        return ()

    with pytest.raises(BadCheckFile, match="has no docstring"):
        registry.declared(module("silent", it=check("US903", level=Level.ERROR)(silent)))
    odd = check("X1", level=Level.ERROR)(first.run)
    with pytest.raises(BadCheckFile, match="has the code X1"):
        registry.declared(module("first", it=odd))


@pytest.mark.parametrize("one", registry.every(), ids=lambda one: one.code)
def test_the_symptom_of_a_check_is_a_label_and_a_few_words(one: Check) -> None:
    assert re.fullmatch(r"[A-Z][a-z ]+: [^ ].*[^ .]", one.symptom.replace("{cases}", "phone"))
    assert len(one.symptom) <= 74
    assert bool(one.cases) >= ("{cases}" in one.symptom)


@pytest.mark.parametrize(
    ("select", "ignore", "left"),
    [
        ([], [], ["US101", "US104", "US201"]),
        (["US1"], [], ["US101", "US104"]),
        (["us104", "US2"], [], ["US104", "US201"]),
        ([], ["US1"], ["US201"]),
        (["US1"], ["US104"], ["US101"]),
    ],
)
def test_words_choose_by_code_or_prefix(
    monkeypatch: pytest.MonkeyPatch, select: list[str], ignore: list[str], left: list[str]
) -> None:
    kept = [one for one in registry.entries() if one.code in ("US101", "US104", "US201")]
    monkeypatch.setattr(registry, "entries", lambda: kept)
    assert [one.code for one in registry.choose(select, ignore)] == left


def test_an_unknown_word_is_refused_with_near_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'US1O4' is neither .* US104 \(null-email-"):
        registry.choose(["US1O4"], [])
    with pytest.raises(ConfigurationError, match="'US104x' is neither"):
        registry.choose([], ["US104x"])


def test_a_choice_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="Selecting US104 and ignoring US1 leaves no check"
    ):
        registry.choose(["US104"], ["US1"])


def test_a_check_is_found_by_code_and_by_name() -> None:
    assert registry.find("us104") is registry.find("null-email-blocked")
    with pytest.raises(ConfigurationError, match=r"Similar: .*US104 \(null-email-blocked\)"):
        registry.find("null-email-block")


PROMISES = """
from pytest_usersync.checks import registry
print([(check.code, check.promise, check.page) for check in registry.every()])
"""


def test_checks_keep_their_words_where_python_leaves_docstrings_out() -> None:
    told = [
        subprocess.run(
            [sys.executable, *options, "-c", PROMISES], check=True, capture_output=True, text=True
        ).stdout
        for options in ((), ("-OO",))
    ]
    assert told[0] == told[1]
