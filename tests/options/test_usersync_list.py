"""``--usersync-list`` prints the chosen checks, aligned, without a project or a server."""

from __future__ import annotations

import pytest

from pytest_usersync.checks import registry


def test_every_check_has_a_line(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-list")
    assert result.ret == pytest.ExitCode.OK
    listed = [line.split()[0] for line in result.outlines]
    assert listed == [check.code for check in registry.every()]


def test_the_columns_stand_below_each_other(pytester: pytest.Pytester) -> None:
    lines = pytester.runpytest("--usersync-list").outlines
    for line, check in zip(lines, registry.every(), strict=True):
        assert line.split()[1:3] == [check.name, check.level]
        assert line.endswith(f"  {check.promise}")
    starts = {
        line.index(check.promise) for line, check in zip(lines, registry.every(), strict=True)
    }
    assert len(starts) == 1


def test_only_what_is_chosen_is_listed(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nusersync_ignore = US104")
    result = pytester.runpytest("--usersync-list", "--usersync-select=US104,US105")
    assert [line.split()[0] for line in result.outlines] == ["US105"]


def test_an_unknown_choice_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-list", "--usersync-select=US9999")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines[0].startswith("ERROR: 'US9999' is neither a check nor a prefix")
