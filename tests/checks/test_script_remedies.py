"""What is told of a script mends it once it stands at its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from acts import SCENARIOS, Act, code_of, judged, pairs, staged

from pytest_usersync.model.finding import Outcome
from pytest_usersync.postgres import Server
from pytest_usersync.runner.verdict import Verdict

# The script, and the designs whose remedy is SQL for its end.
TOLD = {
    "verify_script_lies": ("../verify-trigger.sql", (0, 1)),
    "rollback_leaves_trace": ("../rollback.sql", (0,)),
}


def verdict(server: Server, folder: Path, act: Act, code: str) -> Verdict:
    folder.mkdir()
    with staged(server, act, folder) as subject:
        return judged(subject, code)[0]


@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name, (_, numbers) in TOLD.items() for n in numbers]
)
def test_a_script_does_what_it_should_with_what_is_told(
    server: Server, tmp_path: Path, name: str, number: int
) -> None:
    act, code = pairs(SCENARIOS[name])[number].broken, code_of(name)
    (finding,) = verdict(server, tmp_path / "broken", act, code).findings
    act.files[TOLD[name][0]] += f"\n{finding.remedy}"
    mended = verdict(server, tmp_path / "mended", act, code)
    assert mended.outcome is Outcome.KEPT, mended
