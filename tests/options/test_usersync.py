"""``--usersync`` turns the plugin on; without it nothing is done and nothing is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.config.options import OPTIONS
from pytest_usersync.postgres import owned_folders

Run = Callable[..., pytest.RunResult]


def test_without_it_nothing_is_said(pytester: pytest.Pytester, project: Path) -> None:
    pytester.makepyfile("def test_mine(): pass")
    result = pytester.runpytest("-v")
    result.assert_outcomes(passed=1)
    said = [line for line in result.outlines if not line.startswith(("plugins: ", "rootdir: "))]
    assert "usersync" not in "\n".join(said)


def test_without_it_a_wrong_option_harms_nobody(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nusersync_null_email = perhaps\nusersync_select = US9999\n")
    pytester.makepyfile("def test_mine(): pass")
    pytester.runpytest().assert_outcomes(passed=1)


def test_the_marker_is_always_known(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.usersync*"])


def test_help_shows_every_option_and_every_policy_with_its_values(
    pytester: pytest.Pytester,
) -> None:
    text = pytester.runpytest("--help").stdout.str()
    for option in OPTIONS:
        named = f"{option.flag}={option.metavar}" if option.metavar else option.flag
        assert re.search(rf"{re.escape(named)}\s", text)
    for policy, value in (("null_email", "no-profile"), ("sync_failure", "allow")):
        assert value in text.partition(f"usersync_{policy} (string)")[2][:500]


def test_with_it_the_header_says_what_was_found(run: Run) -> None:
    result = run()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "usersync: 1 migration, supabase/migrations",
            "usersync: make_profile (after insert) -> public.make_profile",
            "usersync: copies email to public.profiles.email",
            "usersync: on PostgreSQL *",
        ]
    )


@pytest.mark.parametrize("select", ["US901", "US911", "US921"])
def test_the_server_goes_with_the_run_however_it_ends(
    run: Run, select: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make(root: Path, *, mode: int = 0o700) -> owned_folders.Folder:
        made.append(make_folder(root, mode=mode))
        return made[-1]

    make_folder = owned_folders.make
    monkeypatch.setattr(owned_folders, "make", make)
    run(select=select)
    assert made
    assert [one.path for one in made if one.path.exists()] == []


def test_a_folder_without_a_project_is_a_usage_error(
    refused: Callable[..., str], project: Path
) -> None:
    project.unlink()
    assert "No migrations" in refused()
