"""What a finding is known by in the baseline."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pytest_usersync.model.finding import Failure, Finding, Location, Outcome
from pytest_usersync.reporting import fingerprint
from pytest_usersync.reporting.baseline import Baseline, Entry
from pytest_usersync.runner.verdict import Verdict

FAILED = Failure("23502", 'null value in column "email" of relation "users" violates not-null')
PLAIN = Finding(summary="it broke", sql="select 1", remedy="mend it")


@pytest.mark.parametrize(
    ("summary", "about"),
    [
        (
            "a phone signup fails: public.handle_new_user() leaves public.users.email NULL",
            "public.handle_new_user public.users.email",
        ),
        (
            "a soft delete leaves public.users.email as before ('ada_1.112@example.com')",
            "public.users.email",
        ),
        (
            "the user's row keeps '-X5CmU_Szi-w.8wK3' in public.users.phone, not the profile's",
            "public.users.phone",
        ),
        (
            "supabase/migrations/2_sync.sql:12 drops on_auth_user_created, and so on.",
            "on_auth_user_created",
        ),
        ("3 of 5 users lack a row of public.users.", "public.users"),
        ("nothing has a name, 3 times in 2.5 s", "nothing has a name, # times in #.# s"),
        ("user 0f1c7c1e-93f7-4a50-8e57-000000000001 was here", "user was here"),
    ],
)
def test_a_finding_is_known_by_the_names_it_speaks_of(summary: str, about: str) -> None:
    assert fingerprint.subject(replace(PLAIN, summary=summary)) == about


def test_an_error_adds_its_state_and_the_names_in_its_message_and_no_line() -> None:
    finding = replace(PLAIN, summary="public.f() at 1.sql:7 fails", failure=FAILED)
    moved = replace(FAILED, location=Location("1.sql", 99))
    assert fingerprint.subject(finding) == "23502 public.f email users"
    assert fingerprint.subject(replace(finding, failure=moved)) == fingerprint.subject(finding)
    assert fingerprint.subject(
        replace(finding, summary="public.f() at 1.sql:99 fails")
    ) == fingerprint.subject(finding)


def test_another_state_is_another_finding() -> None:
    other = replace(FAILED, sqlstate="23505")
    assert fingerprint.subject(replace(PLAIN, failure=FAILED)) != fingerprint.subject(
        replace(PLAIN, failure=other)
    )


def verdict(case: str, finding: Finding = PLAIN, **changes: str) -> Verdict:
    return Verdict("US104", case, Outcome.BROKEN, findings=(finding,), **changes)  # type: ignore[arg-type]


def test_an_entry_accepts_its_own_cases() -> None:
    known = Baseline(Path("x.toml"), (Entry("US104", ("phone",), "it broke", "why"),))
    today = date(2026, 11, 21)
    assert known.mark(verdict("phone"), today).accepted
    assert not known.mark(verdict("web3"), today).accepted


def test_the_last_day_counts_whole() -> None:
    last = date(2026, 11, 21)
    known = Baseline(Path("x.toml"), (Entry("US104", ("phone",), "it broke", "why", last),))
    assert known.mark(verdict("phone"), last).accepted
    assert not known.mark(verdict("phone"), date(2026, 11, 22)).accepted


def test_of_two_entries_the_longer_one_counts() -> None:
    short = Entry("US104", ("phone",), "it broke", "short", date(2020, 1, 1))
    known = Baseline(Path("x.toml"), (short, replace(short, reason="long", expires=None)))
    assert known.mark(verdict("phone"), date(2026, 11, 21)).accepted


def test_only_the_cases_that_are_gone_go() -> None:
    entry = Entry("US104", ("phone", "web3", "anonymous"), "it broke", "why")
    known = Baseline(Path("x.toml"), (entry,), update=True)
    judged = [verdict("phone"), Verdict("US104", "web3", Outcome.KEPT)]
    assert known.gone(judged) == [replace(entry, cases=("web3",))]
    assert known.updated(judged) == [replace(entry, cases=("phone", "anonymous"))]


def test_a_check_that_stopped_half_way_takes_nothing_out() -> None:
    known = Baseline(Path("x.toml"), (Entry("US104", ("phone",), "it was once"),))
    assert known.gone([verdict("phone", reason="it stopped")]) == []
    assert known.gone([verdict("phone")])


def test_a_second_finding_about_the_same_is_not_accepted_with_the_first() -> None:
    twice = replace(verdict("phone"), findings=(PLAIN, replace(PLAIN, sql="select 2")))
    entry = Entry("US104", ("phone",), "it broke", "why")
    today = date(2026, 11, 21)
    marked = Baseline(Path("x.toml"), (entry,)).mark(twice, today)
    assert [bool(one.accepted) for one in marked.findings] == [True, False]
    both = Baseline(Path("x.toml"), (replace(entry, times=2),))
    assert both.mark(twice, today).accepted
    known = Baseline(Path("x.toml"), update=True)
    assert [one.times for one in known.updated([known.mark(twice, today)])] == [2]
