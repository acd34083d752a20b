"""The matrix of checks and designs can be printed, and every check has designs that break it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from acts import PROJECTS, SCENARIOS, pairs

from pytest_usersync.checks import registry

TOOL = Path(__file__).parents[2] / "tools" / "check_matrix.py"


def test_the_matrix_shows_every_check_and_every_design() -> None:
    done = subprocess.run([sys.executable, TOOL], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert {f"{check.code} {check.name}" for check in registry.every()} <= {*lines}
    starts = {line[:70].rstrip() for line in lines}
    assert starts >= {*PROJECTS}
    broken = {pair.broken.title for path in SCENARIOS.values() for pair in pairs(path)}
    assert starts >= {f"  {title}"[:69].rstrip() for title in broken}


def test_every_check_has_two_broken_designs_of_its_own() -> None:
    few = [name for name, path in SCENARIOS.items() if len(pairs(path)) < 2]
    assert few == []
