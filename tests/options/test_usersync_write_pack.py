"""``--usersync-write-pack`` writes migrations for the project's own table, or nothing at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from registering import register_only

Run = Callable[..., pytest.RunResult]

TABLE = "create table public.profiles (id uuid primary key, email text);\n"
TRIGGER = """
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles ({columns}) values ({values});
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""
OWN = TRIGGER.format(columns="id, email", values="new.id, new.email")


@pytest.fixture(autouse=True)
def no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge nothing: what is judged is tested with the packs themselves."""
    register_only(monkeypatch, ())


@pytest.fixture
def written(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> Callable[..., pytest.RunResult]:
    """Return a function that writes a project and asks for its pack."""

    def written(text: str, folder: str = "supabase/migrations") -> pytest.RunResult:
        write_project(text)
        pytester.makepyfile("def test_it(): raise RuntimeError('it was run')")
        return pytester.runpytest_inprocess("-p", "no:randomly", f"--usersync-write-pack={folder}")

    return written


def files(pytester: pytest.Pytester) -> list[str]:
    return sorted(path.name for path in (pytester.path / "supabase").rglob("*.sql"))


def line(result: pytest.RunResult) -> str:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [one for one in result.errlines if one.strip() and "this takes a while" not in one]
    assert len(lines) == 1
    return lines[0].removeprefix("ERROR: ")


def test_migrations_and_scripts_are_written_and_told(
    pytester: pytest.Pytester, written: Run
) -> None:
    result = written(TABLE + OWN)
    assert result.ret == pytest.ExitCode.OK
    names = files(pytester)
    assert names[0] == "20260101000000_profiles.sql"
    assert names[-2:] == ["rollback.sql", "verify-trigger.sql"]
    assert [name[15:] for name in names[1:-2]] == [
        "backfill_ghost_users.sql",
        "mend_ghost_users.sql",
        "monitor_user_sync.sql",
        "schedule_user_sync_monitoring.sql",
    ]
    assert all(name[:14] > "20260101000000" and name[:14].isdigit() for name in names[1:-2])
    assert [one.strip() for one in result.outlines if one.startswith("  supabase/")] == [
        *(f"supabase/migrations/{name}" for name in names[1:-2]),
        "supabase/verify-trigger.sql",
        "supabase/rollback.sql",
    ]


def test_a_second_time_nothing_is_overwritten(pytester: pytest.Pytester, written: Run) -> None:
    written(TABLE + OWN)
    before = files(pytester)
    said = line(written(TABLE + OWN))
    assert "rollback.sql would be overwritten" in said
    for name in ("rollback.sql", "verify-trigger.sql"):
        (pytester.path / "supabase" / name).unlink()
    said = line(written(TABLE + OWN))
    assert "The project already has these names of the pack in public" in said
    assert "function backfill_ghost_users" in said
    assert files(pytester) == [one for one in before if one[0].isdigit()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE, "No profile table was found"),
        ("create table public.profiles (id uuid, email text);" + OWN, "no primary key or unique"),
        (
            "create table public.profiles (id uuid primary key, email text, plan text not null);"
            + OWN,
            "public.profiles needs a value for plan",
        ),
        (
            TABLE.replace("uuid", "bigint")
            + TRIGGER.format(columns="id, email", values="1, new.email"),
            "No profile table was found",
        ),
    ],
)
def test_what_the_pack_cannot_be_made_for_is_told_in_one_line(
    pytester: pytest.Pytester, written: Run, text: str, said: str
) -> None:
    assert said in line(written(text))
    assert files(pytester) == ["20260101000000_profiles.sql"]


def test_a_place_that_cannot_be_written_is_told_before_anything_is_done(
    pytester: pytest.Pytester, written: Run
) -> None:
    (pytester.path / "file").touch()
    assert "file is a file. Give a folder." in line(written(TABLE + OWN, "file"))
    assert "none does not exist. Create it first." in line(written(TABLE + OWN, "none/pack"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_told(pytester: pytest.Pytester, written: Run) -> None:
    folder = pytester.mkdir("theirs")
    folder.chmod(0o500)
    assert "theirs cannot be written" in line(written(TABLE + OWN, "theirs"))
