"""Checks that share a database: each says there what it says alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from acts import PROJECTS, SCENARIOS, Act, code_of, pairs, sandboxes, sound, staged
from matrix import WHOLE

from pytest_usersync.checks import registry
from pytest_usersync.postgres import Server
from pytest_usersync.runner.check import Check, Subject
from pytest_usersync.runner.verdict import Verdict

SHARING = [check for check in registry.every() if check.shared_database]
# What is broken where others have signed up before.
CROWDED = ("collision_blocked", "metadata_blocked", "partial_signup", "failure_unrecorded")
# What is another each time: values, ids, and where a row lies.
_ANOTHER = re.compile(
    r"'[^']*'|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[Aa]da[ .]\d+|\(\w+\)|\(\d+,\d+\)"
)


def designs() -> Iterator[Act]:
    """Yield what the checks that share are broken by, and what is sound; a few of them in CI."""
    ours = [name for name in SCENARIOS if code_of(name) in {check.code for check in SHARING}]
    for name in [*ours, *CROWDED]:
        yield from (pair.broken for pair in pairs(SCENARIOS[name]))
    yield from map(sound, PROJECTS)


ALL = list(designs())


@pytest.mark.matrix
@pytest.mark.parametrize(
    "design", [pytest.param(one, id=one.title) for one in (ALL if WHOLE else ALL[::60])]
)
def test_a_check_says_the_same_alone_and_behind_all_others(
    server: Server, tmp_path: Path, design: Act
) -> None:
    with staged(server, design, tmp_path) as subject:
        alone = [one for check in SHARING for one in said(subject, [check])]
        assert said(subject, SHARING) == alone
        behind = said(subject, SHARING[::-1])
        assert sorted(behind, key=str) == sorted(alone, key=str)


def said(subject: Subject, checks: list[Check]) -> list[tuple[object, ...]]:
    """Judge checks on one sandbox, and return what is no matter of chance of their verdicts."""
    with sandboxes(subject) as made:
        return [
            essence(made.attempt(check, case)) for check in checks for case in check.cases or ("",)
        ]


def essence(verdict: Verdict) -> tuple[object, ...]:
    """Return what a verdict says."""
    findings = [(plain(one.summary), plain(one.sql), plain(one.remedy)) for one in verdict.findings]
    return verdict.code, verdict.case, verdict.outcome.value, plain(verdict.reason), findings


def plain(text: str) -> str:
    """Return a text without what is another each time."""
    return _ANOTHER.sub("…", text)
