"""``--usersync-select`` and its ini value choose checks by code or prefix."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_codes_and_prefixes_choose(run: Run) -> None:
    result = run("--collect-only", "-q", select="us91,US902")
    assert [line for line in result.outlines if "::" in line] == [
        "pytest.ini::US902",
        "pytest.ini::US911",
    ]


def test_the_ini_file_may_choose_and_the_command_line_wins(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_select = US902 US911\n")
    assert "pytest.ini::US902" in run("--collect-only", "-q", select="").outlines
    assert "pytest.ini::US902" not in run("--collect-only", "-q", select="US901").outlines


def test_it_can_be_repeated(run: Run) -> None:
    result = run("--usersync-select=US902", "--collect-only", "-q", select="US901")
    assert [line for line in result.outlines if "::" in line] == [
        "pytest.ini::US901",
        "pytest.ini::US902",
    ]


def test_an_unknown_word_is_a_usage_error_that_lists_near_ones(
    refused: Callable[..., str],
) -> None:
    said = refused(select="US9O1")
    assert said.startswith("'US9O1' is neither a check nor a prefix of one. Similar: ")
    assert "US901 (kept)" in said


def test_an_empty_word_is_a_usage_error(refused: Callable[..., str]) -> None:
    assert refused("--usersync-select=").startswith("--usersync-select is empty.")
