"""A hook that catches whatever is raised in it does not keep the run from ending."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LOADER = """
import pathlib, time

def load(dsn):
    pathlib.Path("called").touch()
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
"""


@pytest.mark.parametrize(("told", "code"), [(None, 4), (signal.SIGTERM, 143)])
def test_a_hook_that_catches_everything_is_ended_with_one_line(
    tmp_path: Path, cache_home: Path, told: int | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    (tmp_path / "loader.py").write_text(LOADER, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nusersync_load = loader:load\n", "utf-8")
    limit = "--usersync-statement-timeout=" + ("60" if told else "1")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--usersync", limit]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            latest = time.monotonic() + 60
            while told and not (tmp_path / "called").exists() and time.monotonic() < latest:
                time.sleep(0.1)
            if told:
                process.send_signal(told)
            said, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == code, said
    assert "ERROR: loader:load does not end" in said
    assert "Traceback" not in said
