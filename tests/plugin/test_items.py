"""The built-in checks as pytest items: where they hang, how they are chosen, what they become."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from matrix import few
from registering import register_only

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Finding, Level, NotApplicable, NotJudged
from pytest_usersync.runner.check import Check, Needs, check
from pytest_usersync.runner.context import CheckContext

Write = Callable[[str], Path]

SOUND = """
create table public.profiles (id uuid primary key, email text);
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
BLOCKING = SOUND.replace("email text)", "email text not null)")
NOWHERE = "--usersync-dsn=host=/nowhere"


def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


@pytest.fixture
def collect(pytester: pytest.Pytester, write_project: Write) -> Callable[..., list[str]]:
    """Return a function that collects and returns node ids; a server would not be found."""
    write_project(SOUND)
    pytester.mkdir("tests").joinpath("test_mine.py").write_text("def test_mine(): pass\n")

    def collect(*args: str) -> list[str]:
        result = pytester.runpytest(
            "--usersync", NOWHERE, "--usersync-select=US104", "--collect-only", "-q", *args
        )
        assert result.ret == pytest.ExitCode.OK, result.stdout.str() + result.stderr.str()
        return sorted(ids(result))

    return collect


MINE = "tests/test_mine.py::test_mine"
PHONE = "pytest.ini::US104[phone]"


def every_case(anchor: str = "pytest.ini") -> list[str]:
    return sorted(f"{anchor}::US104[{case}]" for case in registry.find("US104").cases)


@pytest.mark.parametrize(
    ("args", "mine"),
    [
        ([], [MINE]),
        (["."], [MINE]),
        (["tests"], [MINE]),
        (["tests/test_mine.py"], [MINE]),
        (["tests/test_mine.py::test_mine"], [MINE]),
        (["-o", "testpaths=tests"], [MINE]),
        (["pytest.ini"], []),
        (["pytest.ini::US104"], []),
        (["-m", "usersync"], []),
        (["-k", "US104"], []),
        (["-k", "null-email"], []),
    ],
)
def test_every_way_to_call_pytest_reaches_the_checks(
    collect: Callable[..., list[str]], args: list[str], mine: list[str]
) -> None:
    assert collect(*args) == sorted(every_case() + mine)


@pytest.mark.parametrize(
    "args",
    [
        ["pytest.ini::US104[phone]"],
        ["-k", "phone and not autoconfirm"],
    ],
)
def test_a_single_case_can_be_chosen(collect: Callable[..., list[str]], args: list[str]) -> None:
    assert collect(*args) == [PHONE]


def test_a_chosen_case_beside_other_tests_is_not_widened(
    collect: Callable[..., list[str]],
) -> None:
    assert collect("tests", PHONE) == [PHONE, MINE]


def test_cases_can_be_deselected(collect: Callable[..., list[str]]) -> None:
    left = collect("--deselect", PHONE, "pytest.ini")
    assert left == [case for case in every_case() if case != PHONE]


def test_a_call_from_a_folder_below_reaches_the_checks(
    collect: Callable[..., list[str]], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pytester.path / "tests")
    assert collect() == sorted([*every_case(), MINE])


def test_without_an_ini_file_the_checks_hang_on_the_supabase_configuration(
    collect: Callable[..., list[str]], pytester: pytest.Pytester
) -> None:
    (pytester.path / "pytest.ini").unlink()
    (pytester.path / "supabase" / "config.toml").write_text('project_id = "x"\n')
    assert collect("supabase") == every_case("supabase/config.toml")


def test_without_any_configuration_they_hang_on_the_first_migration(
    collect: Callable[..., list[str]], pytester: pytest.Pytester
) -> None:
    (pytester.path / "pytest.ini").unlink()
    expected = every_case("supabase/migrations/20260101000000_profiles.sql")
    assert collect("--rootdir=.", "supabase") == expected


@pytest.mark.parametrize("workers", few(["0", "2"], ["2"]))
def test_an_ignored_anchor_is_a_usage_error(
    pytester: pytest.Pytester, write_project: Write, workers: str
) -> None:
    write_project(SOUND)
    pytester.makepyfile("def test_mine(): pass")
    args = ("--usersync", "--usersync-select=US101", "--ignore=pytest.ini", "-n", workers)
    result = pytester.runpytest(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --usersync judges nothing: *collected under *pytest.ini*"])


def test_deselecting_every_check_is_the_users_own_choice(
    pytester: pytest.Pytester, write_project: Write
) -> None:
    write_project(SOUND)
    result = pytester.runpytest("--usersync", "-k", "nothing_of_this_name")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines([f"{len(registry.every())} checks: * not run"])


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    return pytester.runpytest("--usersync", "--usersync-select=US104", "-p", "no:randomly", *args)


def test_a_sound_project_passes(pytester: pytest.Pytester, write_project: Write) -> None:
    write_project(SOUND)
    result = run(pytester)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=len(every_case()))
    result.stdout.fnmatch_lines(
        [
            "usersync: make_profile (after insert) -> public.make_profile",
            "*supabase/migrations/20260101000000_profiles.sql:3* -> public.profiles(id)",
            "1 check: 1 kept",
        ]
    )


def test_a_broken_promise_fails_without_a_python_traceback(
    pytester: pytest.Pytester, write_project: Write
) -> None:
    write_project(BLOCKING)
    result = run(pytester)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=len(every_case()))
    result.stdout.fnmatch_lines(
        [
            "*= usersync: not safe to deploy, 1 cause =*",
            "[[]1[]] SIGNUP FAILS: phone, phone-autoconfirm, anonymous, 2 more",
            "    public.make_profile() writes NULL into *",
            "     --> supabase/migrations/20260101000000_profiles.sql:6",
            "    Fix:  alter table *",
            "    PostgreSQL 23502: null value in column*",
            '    The app shows: 500 "Database error saving new user"',
            "    US104 null-email-blocked (5 cases)",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*= FAILURES =*")
    result.stdout.no_fnmatch_line("*short test summary*")
    result.stdout.no_fnmatch_line("*.py:[0-9]*")


def test_the_last_failed_run_again_alone(pytester: pytest.Pytester, write_project: Write) -> None:
    migration = write_project(SOUND)
    pytester.makepyfile("def test_mine(): pass")
    migration.write_text(
        SOUND.replace("begin\n", "begin\n    if new.is_anonymous then raise 'no'; end if;\n")
    )
    run(pytester).assert_outcomes(failed=1, passed=len(every_case()))
    result = run(pytester, "--lf", "-v")
    result.assert_outcomes(failed=1)
    assert next(line for line in ids(result) if "FAILED" in line).startswith(
        "pytest.ini::US104[anonymous] FAILED"
    )
    migration.write_text(SOUND)
    run(pytester, "--lf").assert_outcomes(passed=1)


def test_an_earlier_failure_elsewhere_is_no_reason_to_refuse_the_run(
    pytester: pytest.Pytester, write_project: Write
) -> None:
    write_project(SOUND)
    pytester.makepyfile("def test_mine(): assert False")
    run(pytester)
    run(pytester, "--lf").assert_outcomes(failed=1)


def test_workers_share_one_subject_and_the_controller_tells_all(
    pytester: pytest.Pytester, write_project: Write
) -> None:
    write_project(BLOCKING)
    result = run(pytester, "-n", "2", "--usersync-report=report.json")
    result.assert_outcomes(failed=len(every_case()))
    result.stdout.fnmatch_lines(
        [
            "usersync: make_profile (after insert)*",
            "*= usersync: not safe to deploy, 1 cause =*",
            "[[]1[]] SIGNUP FAILS: phone, phone-autoconfirm, anonymous, 2 more",
            "    US104 null-email-blocked (5 cases)",
        ]
    )
    (row,) = json.loads((pytester.path / "report.json").read_text())["checks"]
    assert len(row["findings"]) == len(every_case())


BACKWARDS = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    items.reverse()
    return (yield)
"""


def test_the_cases_of_a_check_stay_together_when_tests_are_shuffled(
    pytester: pytest.Pytester, write_project: Write
) -> None:
    write_project(SOUND)
    pytester.makeconftest(BACKWARDS)
    pytester.mkdir("tests").joinpath("test_mine.py").write_text(
        "def test_a(): pass\ndef test_b(): pass\n"
    )
    call = ("--usersync", NOWHERE, "--usersync-select=US101,US104", "--collect-only", "-q")
    found = ids(pytester.runpytest(*call, "-p", "no:randomly"))
    mine = [name for name in found if "test_mine" in name]
    cases = [f"pytest.ini::US104[{case}]" for case in registry.find("US104").cases]
    assert mine == ["tests/test_mine.py::test_b", "tests/test_mine.py::test_a"]
    assert [name for name in found if "US104" in name] == cases


@pytest.mark.matrix
def test_workers_take_a_chapter_each(pytester: pytest.Pytester, write_project: Write) -> None:
    write_project(SOUND)
    call = ("--usersync", "--usersync-select=US102,US103,US104,US201,US202,US203", "-v")
    result = pytester.runpytest_subprocess(*call, "-n", "2", "-p", "no:randomly")
    told = re.findall(r"\[(gw\d)\] .* (?:PASSED|SKIPPED) \S+::(US\d)", result.stdout.str())
    assert len({chapter for _, chapter in told}) == len(set(told)) == 2
    assert len({worker for worker, _ in told}) == 2


def test_junit_has_a_case_for_each(pytester: pytest.Pytester, write_project: Write) -> None:
    write_project(BLOCKING)
    run(pytester, "--junitxml=junit.xml")
    cases = list(ET.parse(pytester.path / "junit.xml").iter("testcase"))  # noqa: S314
    assert {case.get("name") for case in cases} == {one.split("::")[1] for one in every_case()}
    failures = [case.findtext("failure") or "" for case in cases]
    assert all("Try it in psql:" in text for text in failures)


def test_migrations_that_do_not_apply_leave_the_rest_unjudged(
    pytester: pytest.Pytester, write_project: Write
) -> None:
    write_project("select 1/0;")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "usersync: 20260101000000_profiles.sql does not apply",
            "*= usersync: not everything is judged =*",
            "Not judged: 1 check (5 cases). 20260101000000_profiles.sql does not apply*",
            f"*= {len(every_case())} not judged in *",
        ]
    )


def finding() -> Finding:
    return Finding(summary="it broke", sql="select 'broken'", remedy="mend it")


@check("US901", level=Level.ERROR, needs=Needs.PROJECT)
def kept(context: CheckContext) -> Iterable[Finding]:
    """A promise that is kept."""
    return ()


@check("US902", level=Level.WARNING, needs=Needs.PROJECT)
def warned(context: CheckContext) -> Iterable[Finding]:
    """A promise of level warning."""
    yield finding()


@check("US903", level=Level.INFO, needs=Needs.PROJECT)
def told(context: CheckContext) -> Iterable[Finding]:
    """A promise of level info."""
    yield finding()


@check("US904", level=Level.ERROR, needs=Needs.PROJECT)
def elsewhere(context: CheckContext) -> Iterable[Finding]:
    """A promise that does not apply."""
    raise NotApplicable("the project has no such column")


@check("US905", level=Level.ERROR, needs=Needs.PROJECT)
def unjudged(context: CheckContext) -> Iterable[Finding]:
    """A promise that cannot be judged."""
    raise NotJudged("nothing works")


@check("US906", level=Level.ERROR, needs=Needs.PROJECT)
def faulty(context: CheckContext) -> Iterable[Finding]:
    """A check with a bug."""
    raise ZeroDivisionError("a bug")


@check("US907", level=Level.ERROR, needs=Needs.PROJECT, cases=("one", "two"))
def halfway(context: CheckContext) -> Iterator[Finding]:
    """A check that demonstrates something before it must stop."""
    if context.case == "one":
        yield finding()
    raise NotJudged("it stopped")


@pytest.fixture
def judge(
    pytester: pytest.Pytester, write_project: Write, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs pytest with nothing on the shelf but the given checks."""

    def judge(checks: Iterable[Check], *args: str) -> pytest.RunResult:
        write_project(SOUND)
        register_only(monkeypatch, tuple(checks))
        return pytester.runpytest("--usersync", "-p", "no:randomly", *args)

    return judge


def test_what_does_not_apply_is_skipped_with_its_reason(
    judge: Callable[..., pytest.RunResult],
) -> None:
    result = judge([elsewhere], "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            "Not applicable: 1 check. -v shows them.",
            "1 check: 1 n/a",
            "SKIPPED [[]1[]] pytest.ini:1: the project has no such column",
        ]
    )


def test_what_cannot_be_judged_is_neither_pass_nor_failure(
    judge: Callable[..., pytest.RunResult],
) -> None:
    result = judge([kept, unjudged], "-v")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "pytest.ini::US905 NOT JUDGED*",
            "  nothing works: US905",
            "2 checks: 1 kept, 1 not judged",
            "*1 passed, 1 not judged*",
        ]
    )


def test_a_warning_is_shown_whole_and_passes(judge: Callable[..., pytest.RunResult]) -> None:
    result = judge([kept, warned], "-v")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "pytest.ini::US902 WARNED*",
            "*= usersync: 1 cause, none fails the run =*",
            "[[]1[]] it broke (warning)",
            "    Fix:  mend it",
            "    Try it in psql:",
            "      select 'broken'",
            "    US902 warned",
            "2 checks: 1 warning, 1 kept",
            "*1 warned*",
        ]
    )


def test_a_warning_alone_has_its_page(judge: Callable[..., pytest.RunResult]) -> None:
    result = judge([warned])
    result.stdout.fnmatch_lines(
        [
            "US902 warned",
            "It broke.",
            "Try it in psql:",
            "  select 'broken'",
            "Remedy:",
            "The promise of US902 warned:",
            "[[]1[]] it broke (warning)",
            "1 check: 1 warning",
        ]
    )
    result.stdout.no_fnmatch_line("*Fix:*")


def test_an_info_is_shown_with_v_alone(judge: Callable[..., pytest.RunResult]) -> None:
    quiet = judge([kept, told])
    quiet.assert_outcomes(passed=2)
    quiet.stdout.no_fnmatch_line("*US903*")
    quiet.stdout.fnmatch_lines(["Infos: 1. -v shows them.", "2 checks: 1 info, 1 kept"])
    judge([kept, told], "-v").stdout.fnmatch_lines(
        ["pytest.ini::US903 INFO*", "[[]1[]] *(info)", "    US903 told"]
    )


def test_a_bug_in_a_check_shows_its_traceback_and_judges_nothing(
    judge: Callable[..., pytest.RunResult],
) -> None:
    result = judge([faulty])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*raise ZeroDivisionError*",
            "*test_items.py:*: ZeroDivisionError",
            "Not judged: 1 check. The check itself failed: ZeroDivisionError: a bug (US906).",
        ]
    )


def test_what_was_demonstrated_stays_broken(judge: Callable[..., pytest.RunResult]) -> None:
    result = judge([halfway])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "[[]1[]] it broke",
            "is broken and then stopped: it stopped.",
            "1 check: 1 broken",
        ]
    )
