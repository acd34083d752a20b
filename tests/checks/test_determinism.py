"""The same project has the same outcomes, in whatever order and from whatever seed it is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from matrix import WHOLE

EXAMPLES = Path(__file__).parents[2] / "examples"

# What differs from run to run: the hashes of strings, what is drawn, the order, the processes.
RUNS = (
    ("0", "-p no:randomly"),
    ("1", "--usersync-seed=1 --randomly-seed=1"),
    ("2", "--usersync-seed=2 --randomly-seed=2 -n 2"),
)


def outcomes(hashes: str, options: str, path: Path) -> dict[str, object]:
    """Judge the pack as it was reviewed; return outcome, cases and errors of every check."""
    command = [sys.executable, "-m", "pytest", "--usersync", "petforce", "-q", *options.split()]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    ran = subprocess.run(
        [*command, f"--usersync-report={path}", "-p", "no:cacheprovider"],
        cwd=EXAMPLES,
        env={**environment, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return {
        check["code"]: (
            check["outcome"],
            sorted((found["case"], found["sqlstate"] or "") for found in check["findings"]),
        )
        for check in json.loads(path.read_text(encoding="utf-8"))["checks"]
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return outcomes(*RUNS[0], tmp_path_factory.mktemp("first") / "report.json")


@pytest.mark.matrix
@pytest.mark.parametrize(("hashes", "options"), RUNS[1 if WHOLE else 2 :])
def test_another_run_has_the_same_outcomes(
    first: dict[str, object], hashes: str, options: str, tmp_path: Path
) -> None:
    again = outcomes(hashes, options, tmp_path / "report.json")
    assert again == first
    assert first["US104"] == again["US104"] != ("kept", [])
