"""``--usersync-strict`` lets a broken promise of level warning fail the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_without_it_a_warning_passes(run: Run) -> None:
    assert run(select="US902").ret == pytest.ExitCode.OK


def test_with_it_a_warning_fails(run: Run) -> None:
    result = run("--usersync-strict", select="US902")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["It broke.", "*= usersync: not safe to deploy, 1 cause =*", "1 check: 1 warning"]
    )
