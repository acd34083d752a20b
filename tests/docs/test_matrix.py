"""What the suite leaves to the matrix is what ``tox -e matrix`` runs."""

from __future__ import annotations

import re
from configparser import RawConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEFT_OUT = re.compile(r"^from matrix import|pytest\.mark\.matrix", re.MULTILINE)


def test_the_matrix_runs_every_file_of_which_the_suite_takes_a_part() -> None:
    tox = RawConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    run = re.findall(r"tests/\S+", tox["testenv:matrix"]["commands"])
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/*/**/test_*.py")}
    partly = {one for one in files if LEFT_OUT.search((ROOT / one).read_text(encoding="utf-8"))}
    assert len(partly) > 10
    assert not [one for one in sorted(partly) if not one.startswith(tuple(run))]
