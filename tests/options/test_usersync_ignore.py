"""``--usersync-ignore`` and its ini value leave checks out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_codes_and_prefixes_are_left_out(run: Run) -> None:
    result = run("--usersync-ignore=US902,us92", "--collect-only", "-q", select="")
    assert [line for line in result.outlines if "::" in line] == [
        "pytest.ini::US901",
        "pytest.ini::US911",
    ]


def test_the_ini_file_may_leave_out(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_ignore =\n    US902\n    US92\n")
    assert "pytest.ini::US902" not in run("--collect-only", "-q", select="").outlines


def test_leaving_out_everything_is_a_usage_error(refused: Callable[..., str]) -> None:
    said = refused("--usersync-ignore=US9", select="US901")
    assert said == "Selecting US901 and ignoring US9 leaves no check. Ignore fewer checks."


def test_an_unknown_word_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert refused("--usersync-ignore=X").startswith("'X' is neither a check nor")
