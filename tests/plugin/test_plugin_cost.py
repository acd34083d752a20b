"""Every pytest run in an environment loads the plugin, so it must cost next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("psycopg", "hypothesis", "faker", "platformdirs", "pytest_postgresql")

IMPORT_AND_REPORT = f"""
import json, sys
import pytest
before = set(sys.modules)
import pytest_usersync.plugin.hooks
print(json.dumps([name for name in {HEAVY!r} if name in set(sys.modules) - before]))
"""

A_TEST = f"""
import sys

def test_nothing_heavy_is_loaded():
    assert [name for name in {HEAVY!r} if name in sys.modules] == []
"""


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_REPORT], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == []


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
