"""Files for contributors agree with each other: pins, versions, commands, changelog fragments."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def text_of(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def test_ruff_has_the_same_pin_everywhere() -> None:
    (pin,) = re.findall(r"^deps = (ruff==\S+)$", text_of("tox.ini"), re.MULTILINE)
    hooks = re.findall(r'\["(ruff==[^"]+)"\]', text_of(".pre-commit-config.yaml"))
    assert hooks == [pin, pin]


def test_the_citation_has_the_version_of_the_package() -> None:
    assert f"\nversion: {PROJECT['project']['version']}\n" in text_of("CITATION.cff")
    repository = PROJECT["project"]["urls"]["Repository"]
    assert f"\nrepository-code: {repository}\n" in text_of("CITATION.cff")


def test_the_workflow_runs_what_contributors_run() -> None:
    assert "\n      - run: .ci/run\n" in text_of(".github/workflows/ci.yml")


def test_bug_reports_are_asked_for_what_the_doctor_prints() -> None:
    for name in ("1-wrong-finding", "2-bug"):
        assert "pytest --usersync-doctor" in text_of(f".github/ISSUE_TEMPLATE/{name}.yml")


def test_every_changelog_fragment_has_a_known_type() -> None:
    towncrier = PROJECT["tool"]["towncrier"]
    types = "|".join(one["directory"] for one in towncrier["type"])
    names = {path.name for path in (CHECKOUT / towncrier["directory"]).iterdir()}
    fragments = names - {*towncrier["ignore"]}
    # towncrier takes what stands before the type, without a plus, for the number of an issue
    assert {name for name in fragments if not re.fullmatch(rf"\+\w+\.({types})\.md", name)} == set()
    assert towncrier["start_string"] in text_of("CHANGELOG.md")


@pytest.mark.parametrize(("covered", "code"), [(96, 0), (94, 1)])
def test_the_floor_of_coverage_is_one_of_branches(tmp_path: Path, covered: int, code: int) -> None:
    summary = {"covered_branches": covered, "num_branches": 100, "missing_branches": 100 - covered}
    report = tmp_path / "coverage.json"
    files = {"pytest_usersync/runner/check.py": {"summary": summary}}
    report.write_text(json.dumps({"files": files}), encoding="utf-8")
    command = [sys.executable, CHECKOUT / "tools/branch_coverage.py", report, "--floor", "95"]
    done = subprocess.run([*command, "runner"], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(f"runner: {covered}.0 % of 100 branches (at least 95 %)")
