"""The faults of the campaign: in the default suite a few, in ``tox -e matrix`` all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matrix import WHOLE, few

from pytest_usersync.postgres import ServerRequest, locate

CAMPAIGN = Path(__file__).parent
PAGE = CAMPAIGN.parents[1] / "docs" / "robustness.md"
PARTS = ("kills-own", "kills-dsn", "variables", "machine", "projects")


def carry_out(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A run of the campaign is no part of this one.
    clean = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, str(CAMPAIGN), *arguments],
        env=clean,
        capture_output=True,
        check=False,
        text=True,
        timeout=3600,
    )


@pytest.mark.parametrize("part", few(PARTS, ("kills-own",)))
def test_a_fault_harms_nobody_leaves_nothing_and_changes_no_verdict(
    part: str, wanted: ServerRequest, cache_home: Path
) -> None:
    given = ["--part", part, "--bin", str(locate.find(wanted.binaries).folder)]
    given += ["--cache", str(cache_home / "pytest-usersync")]
    done = carry_out(*given, *([] if WHOLE else ["--quick"]))
    if done.returncode == 2 and "cannot be carried out" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr


def test_every_fault_has_its_row_on_the_page() -> None:
    names = carry_out("--list").stdout.splitlines()
    assert len(names) == len(set(names)) > 100
    rows = [line.split(" | ")[0] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    shown = [row.removeprefix("| ").strip("`").replace("\\|", "|") for row in rows]
    assert [one for one in shown if one in names] == names
