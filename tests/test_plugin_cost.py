"""Every pytest run in an environment loads the plugin, so it must cost next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("psycopg", "hypothesis", "faker", "platformdirs", "filelock", "pytest_postgresql")

IMPORT_AND_REPORT = f"""
import json, sys, time
import pytest
before = set(sys.modules)
start = time.process_time()
import pytest_usersync.plugin
cost = time.process_time() - start
loaded = [name for name in {HEAVY!r} if name in set(sys.modules) - before]
print(json.dumps([cost, loaded]))
"""

A_TEST = f"""
import sys

def test_nothing_heavy_is_loaded():
    assert [name for name in {HEAVY!r} if name in sys.modules] == []
"""


def load_plugin() -> tuple[float, list[str]]:
    """Return the CPU seconds of importing the plugin after pytest, and what it dragged in."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_REPORT], check=True, capture_output=True, text=True
    )
    seconds, loaded = json.loads(done.stdout)
    return seconds, loaded


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    _, loaded = load_plugin()
    assert loaded == []


def test_importing_the_plugin_takes_less_than_five_milliseconds() -> None:
    # the best of some: what disturbs a measurement only ever adds to it
    assert min(load_plugin()[0] for _ in range(5)) < 0.005


def test_a_run_without_usersync_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(A_TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "usersync", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        # the plugins of faker and pytest-postgresql would load what is looked for
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
