"""``--usersync-explain`` names every policy that a check reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from acts import sandboxes, sound, staged
from matrix import few

from pytest_usersync.checks import registry
from pytest_usersync.checks.policy_reads import policies
from pytest_usersync.model.policy import CHOICES, Policies
from pytest_usersync.postgres import Server

READ: set[str] = set()


class Watched(Policies):
    """The policies of a project, and a note of each that is read."""

    def __getattribute__(self, name: str) -> object:
        if name in CHOICES:
            READ.add(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("US101", []),
        ("US103", ["null_email"]),
        ("US104", ["null_email"]),
        ("US109", ["hard_delete"]),
        ("US112", ["null_email"]),
        ("US113", ["null_email", "email_change", "soft_delete"]),
        ("US115", ["sync_failure"]),
    ],
)
def test_policies_are_found_where_shared_code_reads_them(code: str, read: list[str]) -> None:
    assert policies(registry.find(code)) == read


@pytest.mark.parametrize("chapter", few(["US1", "US2", "US4", "US5"], ["US1"]))
def test_a_run_reads_no_policy_that_is_not_named(
    server: Server, tmp_path: Path, chapter: str
) -> None:
    with staged(server, sound("chain"), tmp_path) as subject:
        watched = replace(subject, policies=Watched())
        with sandboxes(watched) as made:
            for check in registry.choose([chapter], []):
                READ.clear()
                for case in check.cases or ("",):
                    made.judge(check, case)
                assert {*policies(check)} >= READ, check.code
