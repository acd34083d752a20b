"""``--usersync-baseline-update`` writes the baseline, and keeps what people wrote in it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_usersync.checks import registry

Run = Callable[..., pytest.RunResult]

GIVEN = "--usersync-baseline=baseline.toml"
UPDATE = (GIVEN, "--usersync-baseline-update")
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


def entries(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    text = (pytester.path / "baseline.toml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text).get("accepted", [])
    return found


def test_it_writes_what_is_found_and_the_next_run_passes(
    run: Run, pytester: pytest.Pytester
) -> None:
    result = run(*UPDATE, select="US901,US902,US911")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["Wrote baseline.toml. Add a reason to each entry."])
    assert entries(pytester) == [
        {"check": "US902", "finding": "it broke", "reason": ""},
        {"check": "US911", "finding": "it broke", "reason": ""},
    ]
    assert run(GIVEN, "--usersync-strict", select="US901,US902,US911").ret == pytest.ExitCode.OK


def test_reasons_and_dates_stay_and_what_is_gone_goes(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "baseline.toml").write_text(
        """
version = 2

[[accepted]]
check = "US911"
finding = "it broke"
reason = "\\"quoted\\", and more: ünd"
expires = 2099-12-31

[[accepted]]
check = "US901"
finding = "it was once"
reason = "gone"

[[accepted]]
check = "US902"
finding = "not judged in this run"
reason = "stays"
""",
        encoding="utf-8",
    )
    assert run(*UPDATE, select="US901,US911").ret == pytest.ExitCode.OK
    found = entries(pytester)
    assert [one["check"] for one in found] == ["US902", "US911"]
    assert found[1]["reason"] == '"quoted", and more: ünd'
    assert str(found[1]["expires"]) == "2099-12-31"
    text = (pytester.path / "baseline.toml").read_text(encoding="utf-8")
    run(*UPDATE, select="US901,US911")
    assert (pytester.path / "baseline.toml").read_text(encoding="utf-8") == text


def test_what_has_expired_is_not_accepted_anew(run: Run, pytester: pytest.Pytester) -> None:
    text = (
        'version = 2\n[[accepted]]\ncheck = "US911"\nfinding = "it broke"\nexpires = 2020-01-31\n'
    )
    (pytester.path / "baseline.toml").write_text(text, encoding="utf-8")
    assert run(*UPDATE, select="US911").ret == pytest.ExitCode.TESTS_FAILED
    assert str(entries(pytester)[0]["expires"]) == "2020-01-31"


def test_a_run_that_was_interrupted_takes_nothing_out(run: Run, pytester: pytest.Pytester) -> None:
    text = 'version = 2\n[[accepted]]\ncheck = "US921"\nfinding = "it broke"\nreason = "stays"\n'
    (pytester.path / "baseline.toml").write_text(text, encoding="utf-8")
    assert run(*UPDATE, select="US911,US921").ret == pytest.ExitCode.INTERRUPTED
    assert [one["check"] for one in entries(pytester)] == ["US911", "US921"]


@pytest.mark.matrix
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_real_project_is_accepted_whoever_judges_it(
    pytester: pytest.Pytester, write_project: Callable[[str], Path], workers: str
) -> None:
    migration = write_project(BLOCKING)
    call = ("--usersync", "--usersync-select=US104", "-p", "no:randomly", "-n", workers)
    assert pytester.runpytest(*call, *UPDATE).ret == pytest.ExitCode.OK
    (one,) = entries(pytester)
    assert one["cases"] == sorted(registry.find("US104").cases)
    assert one["finding"] == "23502 public.make_profile public.profiles.email email profiles"
    # What has nothing to do with it moves the line and changes nothing.
    migration.write_text(f"-- a comment\n\n{BLOCKING}", encoding="utf-8")
    result = pytester.runpytest(*call, GIVEN)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["1 check: 1 accepted"])
    # The same error about another column is another finding.
    migration.write_text(BLOCKING.replace("email", "mail").replace("new.mail", "new.email"))
    assert pytester.runpytest(*call, GIVEN).ret == pytest.ExitCode.TESTS_FAILED


def test_last_failed_leaves_what_it_does_not_judge(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project(BLOCKING)
    call = ("--usersync", "--usersync-select=US104", "-p", "no:randomly")
    pytester.runpytest(*call, *UPDATE)
    path = pytester.path / "baseline.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(', "web3"', ""), encoding="utf-8")
    assert pytester.runpytest(*call, GIVEN).ret == pytest.ExitCode.TESTS_FAILED
    result = pytester.runpytest(*call, *UPDATE, "--lf")
    assert result.ret == pytest.ExitCode.OK
    first, second = entries(pytester)
    assert first["cases"] == ["anonymous", "oauth-without-email", "phone", "phone-autoconfirm"]
    assert second["cases"] == ["web3"]


OLD = """
[[accepted]]
check = "US911"
finding = "it broke"
reason = "why"
expires = 2099-12-31

[[accepted]]
check = "US901"
finding = "it was once"
"""


def test_a_file_of_version_1_is_rewritten_with_its_reasons(
    run: Run, pytester: pytest.Pytester
) -> None:
    path = pytester.path / "baseline.toml"
    path.write_text(OLD, encoding="utf-8")
    assert run(*UPDATE, select="US901,US911").ret == pytest.ExitCode.OK
    assert tomllib.loads(path.read_text(encoding="utf-8"))["version"] == 2
    (one,) = entries(pytester)
    assert (one["check"], one["reason"], str(one["expires"])) == ("US911", "why", "2099-12-31")
    assert run(GIVEN, select="US901,US911").ret == pytest.ExitCode.OK


def test_a_file_of_version_1_stays_where_not_all_of_it_was_judged(
    run: Run, pytester: pytest.Pytester
) -> None:
    path = pytester.path / "baseline.toml"
    path.write_text(OLD, encoding="utf-8")
    result = run(*UPDATE, select="US911")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["ERROR: *baseline.toml is of version 1 and was not rewritten: *judge US901 it was once.*"]
    )
    result.stdout.no_fnmatch_line("*Wrote *")
    assert path.read_text(encoding="utf-8") == OLD


def test_a_renamed_file_and_a_moved_line_change_no_entry(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    migration = write_project(f"{BLOCKING}create table public.late (id citext2);")
    call = ("--usersync", "--usersync-select=US104,US701", "-p", "no:randomly")
    pytester.runpytest(*call, *UPDATE)
    assert [one["check"] for one in entries(pytester)] == ["US104", "US701"]
    moved = "\n\n-- moved\n" + migration.read_text(encoding="utf-8")
    migration.unlink()
    migration.with_name("20260303000000_other.sql").write_text(moved, encoding="utf-8")
    result = pytester.runpytest(*call, GIVEN)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*gone*")


def test_without_a_file_it_is_one_line(refused: Callable[..., str]) -> None:
    assert "has no file to write. Name one with --usersync-baseline" in refused(UPDATE[1])


def test_a_missing_folder_is_one_line(refused: Callable[..., str]) -> None:
    said = refused("--usersync-baseline=nowhere/baseline.toml", UPDATE[1])
    assert "nowhere does not exist. Create it first." in said


def test_collecting_alone_writes_nothing(run: Run, pytester: pytest.Pytester) -> None:
    run(*UPDATE, "--collect-only")
    assert not (pytester.path / "baseline.toml").exists()
