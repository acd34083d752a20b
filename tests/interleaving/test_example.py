"""The example of an app that races: it passes, and fails with the schedule to blame."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "signup_race"


def run(folder: Path, *options: str) -> tuple[dict[str, int], str]:
    """Run the suite in a process of its own; return how many tests ended how, and the output."""
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, last = ran.stdout.strip().splitlines()
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
    return counts, ran.stdout + ran.stderr


def test_the_example_passes_and_fails_when_it_should(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "signup_race", ignore=ignored))
    sound = (folder / "tests" / "test_invitations.py").read_text(encoding="utf-8")
    careless = sound.replace("take_place_at_once)", "take_place)").partition("def test_whoever")[0]
    (folder / "tests" / "test_careless.py").write_text(careless, encoding="utf-8")
    counts, text = run(folder)
    assert (counts.get("passed"), counts.get("failed")) == (6, 1), text
    assert "two places are gone does not hold" in text
    assert "schedule: ada bob bob bob ada ada" in text
    assert "The same as a test:" in text
