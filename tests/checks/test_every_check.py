"""Every check both ways: it speaks on what is broken, and is silent on what is sound or mended."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from acts import (
    PROJECTS,
    SCENARIOS,
    Pair,
    broken_by,
    code_of,
    judged,
    misplaced,
    pairs,
    replayed,
    sound,
    staged,
    told,
)
from matrix import WHOLE, few

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Finding, Outcome
from pytest_usersync.postgres import Server
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.verdict import Verdict

STAGED = [
    pytest.param(name, pair, id=f"{name}-{re.sub(r'[^a-z]+', '-', pair.broken.title.lower())}")
    for name, path in SCENARIOS.items()
    for pair in pairs(path)[: None if WHOLE else 1]
]

# Two tables. One table alone, and one with monitoring and backfill, are among the examples, which
# tests/docs/test_examples.py judges by every check.
SOME = ("two_tables",)


def test_every_check_has_a_scenario_and_every_scenario_a_check() -> None:
    names = {check.name.replace("-", "_") for check in registry.every()}
    assert sorted(SCENARIOS) == sorted(names)


@pytest.mark.parametrize(("name", "pair"), STAGED)
def test_a_check_speaks_on_what_is_broken_and_no_check_once_it_is_mended(
    server: Server, tmp_path: Path, name: str, pair: Pair
) -> None:
    assert pair.mended is not pair.broken, f"{name}: nothing mends {pair.broken.title!r}"
    code = code_of(name)
    # What else a design breaks has a scenario of its own; the matrix compares them all.
    only = "US" if WHOLE else code
    with staged(server, pair.broken, tmp_path / "broken") as subject:
        verdicts = judged(subject, only, apart=(code, *pair.broken.also))
        spoken = [finding for one in verdicts if one.code == code for finding in one.findings]
        expect(pair, code, verdicts, spoken)
        expect_to_show_it(subject, verdicts)
        assert not misplaced(subject, verdicts)
    if pair.mended.as_told:
        pair.mended.paste(spoken[0].remedy)
    with staged(server, pair.mended, tmp_path / "mended") as subject:
        verdicts = judged(subject, only, apart=code)
    expect_silence(verdicts, pair.mended.also)


def expect(pair: Pair, code: str, verdicts: list[Verdict], spoken: list[Finding]) -> None:
    """Hold what was found to what the scenario says is broken."""
    broken = broken_by(verdicts)
    also = pair.broken.also & {one.code for one in verdicts}
    assert set(broken) == {code} | also, "\n".join(told(verdicts))
    words = "\n".join(f"{finding.summary}\n{finding.remedy}" for finding in spoken)
    assert re.search(pair.broken.says, words, re.DOTALL), words
    if pair.broken.cases:
        assert broken[code] == pair.broken.cases, words
    assert all(finding.remedy.strip() for finding in spoken)


def expect_silence(verdicts: list[Verdict], but: AbstractSet[str] = frozenset()) -> None:
    """Hold a design to breaking no promise but these, and to being judged by every check."""
    judged_by = {one.code for one in verdicts}
    assert set(broken_by(verdicts)) == but & judged_by, "\n".join(told(verdicts))
    assert not told([one for one in verdicts if one.code not in but])


def expect_to_show_it(subject: Subject, verdicts: list[Verdict]) -> None:
    """Replay the first finding of each case about signups."""
    for one in verdicts:
        if one.findings and one.code.startswith("US1"):
            assert replayed(subject, one.findings[0]), one.findings[0].sql


@pytest.mark.parametrize("name", few(PROJECTS, SOME))
def test_no_check_speaks_on_a_sound_project(server: Server, tmp_path: Path, name: str) -> None:
    with staged(server, sound(name), tmp_path) as subject:
        assert not subject.load_failures
        assert subject.sync.targets
        expect_silence(judged(subject))


@pytest.mark.parametrize(
    ("name", "meant"), [("null_email_blocked", "reject"), ("null_email_no_profile", "no-profile")]
)
def test_what_a_policy_says_is_meant_is_no_finding(
    server: Server, tmp_path: Path, name: str, meant: str
) -> None:
    act = pairs(SCENARIOS[name])[0].broken
    act.policies = {"null_email": meant}
    with staged(server, act, tmp_path) as subject:
        verdicts = judged(subject, "US1", apart="US10")
    assert not told(verdicts)
    emailless = [one for one in verdicts if one.case in ("phone", "anonymous", "web3")]
    assert {one.outcome for one in emailless if one.code == "US105"} == {Outcome.NOT_APPLICABLE}
