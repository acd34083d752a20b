"""``--usersync-pg-bin`` names the PostgreSQL to start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_a_folder_that_is_none_is_a_usage_error(
    refused: Callable[..., str], pytester: pytest.Pytester
) -> None:
    said = refused("--usersync-pg-bin=nowhere")
    path = pytester.path / "nowhere"
    assert said.startswith(f"--usersync-pg-bin: {path} is not a folder.")


def test_a_folder_without_a_server_is_a_usage_error(
    refused: Callable[..., str], pytester: pytest.Pytester
) -> None:
    assert "empty" in refused(f"--usersync-pg-bin={pytester.mkdir('empty')}")


def test_the_environment_wins_over_the_ini_file_and_the_command_line_over_both(
    refused: Callable[..., str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nusersync_pg_bin = from-ini\n")
    assert refused().startswith("usersync_pg_bin: ")
    monkeypatch.setenv("USERSYNC_PG_BIN", "from-env")
    assert refused().startswith("USERSYNC_PG_BIN: ")
    assert refused("--usersync-pg-bin=typed").startswith("--usersync-pg-bin: ")


def test_an_empty_variable_is_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERSYNC_PG_BIN", "")
    run().assert_outcomes(passed=1)
