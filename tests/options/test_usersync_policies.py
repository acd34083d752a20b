"""The policies are set in the ini file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.model.policy import CHOICES

Run = Callable[..., pytest.RunResult]


def test_a_policy_that_is_not_the_default_is_in_the_header(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makefile(
        ".ini", pytest="[pytest]\nusersync_null_email = reject\nusersync_hard_delete = remove\n"
    )
    result = run()
    result.stdout.fnmatch_lines(["usersync: usersync_null_email = reject"])
    result.stdout.no_fnmatch_line("*usersync_hard_delete*")


@pytest.mark.parametrize("policy", CHOICES)
def test_an_unknown_value_is_a_usage_error(
    refused: Callable[..., str], pytester: pytest.Pytester, policy: str
) -> None:
    pytester.makefile(".ini", pytest=f"[pytest]\nusersync_{policy} = perhaps\n")
    said = refused()
    assert said.startswith(f"usersync_{policy} = 'perhaps' is not a policy. Use one of ")
    assert all(value in said for value in CHOICES[policy])
