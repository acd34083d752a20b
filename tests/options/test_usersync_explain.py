"""``--usersync-explain CODE`` prints a check's page, without a project or a server."""

from __future__ import annotations

import pytest

from pytest_usersync.checks import registry


def test_the_page_has_all_that_is_known_of_a_check(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-explain", "US104")
    assert result.ret == pytest.ExitCode.OK
    check = registry.find("US104")
    text = result.stdout.str()
    assert result.outlines[0] == "US104 null-email-blocked (error)"
    assert check.promise in text
    assert check.page in text
    assert all(case in text for case in check.cases)
    result.stdout.fnmatch_lines(
        [
            "Policy usersync_null_email, in the ini file:",
            "  profile: a user without email gets a profile (the default)",
            "  no-profile: *",
            "  reject: the signup must fail",
        ]
    )


def test_the_name_will_do_as_well(pytester: pytest.Pytester) -> None:
    by_name = pytester.runpytest("--usersync-explain", "null-email-blocked")
    assert by_name.outlines == pytester.runpytest("--usersync-explain=us104").outlines


def test_a_prefix_and_several_words_print_a_page_each(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-explain=us10,US401", "--usersync-explain", "US104")
    checks = [one for one in registry.every() if one.code.startswith(("US10", "US401"))]
    heads = [f"{one.code} {one.name} ({one.level})" for one in checks]
    assert [line for line in result.outlines if line in heads] == heads
    assert len(heads) > 2


def test_an_unknown_code_is_a_usage_error_with_near_ones(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-explain", "US1O4")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len(result.errlines) <= 2
    assert "'US1O4' is neither a check nor a prefix of one. Similar: " in result.errlines[0]
    assert "US104 (null-email-blocked)" in result.errlines[0]
