"""``tools/new_check.py`` writes a check that the registry finds, and a scenario that runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).parents[2]
NEEDED = (
    "pytest_usersync",
    "sql",
    "tests/checks",
    "tests/projects",
    "tests/scenarios",
    "tests/support",
    "tools",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout in which checks may be written."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, copy / name, ignore=ignore)
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(CHECKOUT / name, copy / name)
    return copy


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def written(checkout: Path) -> Path:
    """Return a checkout in which a check was written, and nothing else changed."""
    before = {path for path in checkout.rglob("*") if path.suffix in (".py", ".sql")}
    done = run(checkout, "tools/new_check.py", "US199", "made-for-a-test")
    assert done.returncode == 0, done.stderr
    after = {path for path in checkout.rglob("*") if path.suffix in (".py", ".sql")}
    assert sorted(str(path.relative_to(checkout)) for path in after - before) == [
        "pytest_usersync/checks/signup/made_for_a_test.py",
        "tests/scenarios/made_for_a_test.sql",
    ]
    return checkout


def test_the_registry_finds_what_was_written(written: Path) -> None:
    listed = run(written, "-m", "pytest", "--usersync-list", "--usersync-select=US199")
    assert listed.stdout.split()[:3] == ["US199", "made-for-a-test", "error"]


def test_what_was_written_is_in_order_and_its_scenario_runs(written: Path) -> None:
    asked_of_all = (
        "test_every_check.py::test_every_check_has_a_scenario_and_every_scenario_a_check",
        "test_matrix_page.py",
        "test_registry.py::test_every_file_on_the_shelf_is_a_check",
    )
    its_own = (
        "test_every_check.py"
        "::test_a_check_speaks_on_what_is_broken_and_no_check_once_it_is_mended"
        "[made_for_a_test-the-first-design-that-breaks-the-promise]"
    )
    chosen = [f"tests/checks/{name}" for name in (*asked_of_all, its_own)]
    done = run(written, "-m", "pytest", "-q", *chosen)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout, done.stdout


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("new_check", CHECKOUT / "tools" / "new_check.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        ("US104", "another-name", "US104 is taken by null-email-blocked"),
        ("US198", "null_email_blocked", "null-email-blocked is taken by US104"),
        ("US1", "another-name", "'US1' is not a code"),
        ("US901", "another-name", "US9 is not a chapter"),
        ("US198", "Another Name", "'Another Name' is not a name"),
    ],
)
def test_what_a_check_cannot_have_is_refused(
    tool: ModuleType, code: str, name: str, words: str
) -> None:
    with pytest.raises(tool.Refused, match=words):
        tool.write(code, name)


def test_no_file_is_written_over(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    path = tmp_path / "tests" / "scenarios" / "kept_as_it_is.sql"
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(tool.Refused, match=r"tests/scenarios/kept_as_it_is\.sql exists"):
        tool.write("US197", "kept-as-it-is")
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_no_stub_was_forgotten() -> None:
    checks = CHECKOUT / "pytest_usersync" / "checks"
    assert [path for path in checks.rglob("*.py") if "replace_me" in path.read_text("utf-8")] == []
