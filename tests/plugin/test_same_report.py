"""Two runs of one project write the same report but for the times, in one process or in several."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matrix import few

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/pytest.ini"))
# Signups, changes, a backfill and what several processes share; the matrix takes all checks.
SOME = "--usersync-select=US1,US207,US208,US401,US406"


def report(folder: Path, number: int, *options: str) -> str:
    """Run the checks of a folder, and return the report without what tells the time."""
    path = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "--usersync", f"--usersync-report={path}", "-q"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-n", str(number), *options],
        cwd=folder,
        # Sets are in another order in each process, as they are for users.
        env={**environment, "PYTHONHASHSEED": "random"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    del data["started"]
    for timed in (data, *data["checks"]):
        del timed["duration_s"]
    return json.dumps(data, indent=1)


def copied(name: str, folder: Path) -> Path:
    """Return a copy of an example without the failures that were saved beside it."""
    # What some of them name in their ini file is two folders above.
    shutil.copytree(EXAMPLES.parent / "sql" / "migrations", folder / "sql" / "migrations")
    ignored = shutil.ignore_patterns(".hypothesis", "__pycache__")
    return shutil.copytree(EXAMPLES / name, folder / "examples" / name, ignore=ignored)


def test_two_processes_write_what_one_writes(tmp_path: Path) -> None:
    folder = copied("petforce", tmp_path)
    assert report(folder, 0, SOME) == report(folder, 2, SOME)


def test_another_seed_draws_other_users(tmp_path: Path) -> None:
    folder, select = copied("petforce", tmp_path), "--usersync-select=US104"
    first, second = (report(folder, 0, select, f"--usersync-seed={seed}") for seed in (1, 2))
    assert first.replace('"seed": 1', '"seed": 2') != second


@pytest.mark.parametrize("name", few(NAMES, []))
def test_every_example_has_the_same_report_whatever_was_saved(name: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path)
    first = report(folder, 0)
    assert report(folder, 0) == first
    assert report(folder, 2) == first
    shutil.rmtree(folder / ".hypothesis", ignore_errors=True)
    assert report(folder, 2) == first
