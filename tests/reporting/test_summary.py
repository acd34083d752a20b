"""What a run tells of one cause that breaks many cases."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from summaries import ours

from pytest_usersync.checks import registry

Write = Callable[[str], Path]

SAME = "Same cause and remedy as"
CASES = [case for case in registry.find("US104").cases if "phone" in case or case == "web3"]

BLOCKING = """
create table public.profiles (id uuid primary key, email text not null);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""


@pytest.fixture
def run(pytester: pytest.Pytester, write_project: Write) -> Callable[..., pytest.RunResult]:
    """Return a function that judges two flows that fail for one cause."""
    write_project(BLOCKING)
    call = ("--usersync", "--usersync-select=US104", "-p", "no:randomly", "-k", "phone or web3")
    return lambda *args: pytester.runpytest(*call, *args)


def test_a_cause_is_told_once_and_pytest_repeats_nothing_of_it(
    run: Callable[..., pytest.RunResult],
) -> None:
    text = run().stdout.str()
    assert text.count("SIGNUP FAILS: phone, phone-autoconfirm, web3") == 1
    assert text.count("into public.profiles.email (NOT NULL).") == 1
    assert text.count("alter table public.profiles alter column email drop not null;") == 1
    assert "= FAILURES =" not in text
    assert "short test summary" not in text
    assert f"{len(CASES)} failed" in text


@pytest.mark.parametrize("args", [["-n", "2"], ["-n", "2", "-v"], ["--tb=short"], ["--tb=no"]])
def test_nothing_is_repeated_either_with_workers_and_other_options(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    text = run(*args).stdout.str()
    assert text.count("into public.profiles.email (NOT NULL).") == 1
    assert text.count("    Fix:  alter table") == 1
    assert "= FAILURES =" not in text
    assert f"{len(CASES)} failed" in text


def test_workers_change_no_line(run: Callable[..., pytest.RunResult]) -> None:
    assert ours(run("-n", "2").stdout.str()) == ours(run().stdout.str())


def test_long_tracebacks_are_the_pages_of_the_cases_and_one_line_of_the_cause(
    run: Callable[..., pytest.RunResult],
) -> None:
    text = run("--tb=long").stdout.str()
    pages, _, closing = text.partition("usersync: not safe to deploy, 1 cause")
    assert pages.count("Remedy:") == 1
    assert pages.count("Try it in psql:") == len(CASES)
    assert pages.count(f"{SAME} US104[phone], above.") == len(CASES) - 1
    assert closing.count("[1] SIGNUP FAILS: phone, phone-autoconfirm, web3") == 1
    assert "Fix:" not in closing
    assert "short test summary" not in closing


def test_what_fails_besides_is_shown_as_ever(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_app="def test_web3(): assert 'mine' == 'yours'")
    text = run("-rf", ".").stdout.str()
    assert text.count("= FAILURES =") == 1
    assert "AssertionError: assert 'mine' == 'yours'" in text
    assert "FAILED test_app.py::test_web3" in text
    assert "FAILED pytest.ini" not in text
    assert f"{len(CASES) + 1} failed" in text


def test_a_line_names_the_place_in_the_project(run: Callable[..., pytest.RunResult]) -> None:
    text = run("--tb=line").stdout.str()
    assert "Fix:" not in text
    assert text.count("supabase/migrations/20260101000000_profiles.sql:6: A ") == len(CASES)


def test_junit_has_the_line_and_the_text(
    run: Callable[..., pytest.RunResult], tmp_path: Path
) -> None:
    run(f"--junitxml={tmp_path / 'junit.xml'}")
    failures = ET.parse(tmp_path / "junit.xml").findall(".//failure")  # noqa: S314
    assert len(failures) == len(CASES)
    for failure in failures:
        assert failure.get("message", "").endswith("public.profiles.email (NOT NULL).")
        assert "Try it in psql:" in (failure.text or "")


@pytest.mark.parametrize("args", [["pytest.ini::US104[web3]"], ["-x"]])
def test_a_case_alone_tells_all(run: Callable[..., pytest.RunResult], args: list[str]) -> None:
    text = run(*args).stdout.str()
    assert "The promise of US104" in text
    assert SAME not in text


def test_the_last_failed_case_tells_all(run: Callable[..., pytest.RunResult]) -> None:
    run()
    text = run("--lf", "-k", "web3").stdout.str()
    assert "The promise of US104" in text
    assert SAME not in text


def test_a_worker_refers_only_to_what_it_told_itself(
    run: Callable[..., pytest.RunResult],
) -> None:
    text = run("-n", "2", "--tb=long").stdout.str()
    failures, _, _ = text.partition("usersync: not safe to deploy")
    full = failures.count("The promise of US104")
    assert 1 <= full <= 2
    assert failures.count(f"{SAME} US104[") == len(CASES) - full
    first = failures.index(SAME) if SAME in failures else len(failures)
    assert failures.index("The promise of US104") < first
