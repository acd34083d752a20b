"""``--usersync-walk`` tells which migration brought a finding in, and which one mended it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Walk = Callable[..., list[str]]

TABLE = "create table public.profiles (id uuid primary key, email text not null);"
TRIGGER = """
create function public.make_profile() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
    for each row execute function public.make_profile();
"""
MENDED = "alter table public.profiles alter column email drop not null;"
SWALLOWED = TRIGGER.replace("create function", "create or replace function").replace(
    "    return new;", "    return new;\nexception when others then\n    return new;"
).partition("create trigger")[0]  # fmt: skip
REMARK = "comment on table public.profiles is 'one row a user';"


@pytest.fixture
def walk(pytester: pytest.Pytester, write_project: Callable[[str], Path]) -> Walk:
    """Return a function that writes migrations, walks them, and returns what is printed."""

    def walk(*migrations: str, select: str, options: tuple[str, ...] = ()) -> list[str]:
        first = write_project("")
        folder = first.parent
        first.unlink()
        for number, text in enumerate(migrations, 1):
            (folder / f"2026010{number}000000_m{number}.sql").write_text(text, encoding="utf-8")
        pytester.makepyfile("def test_it(): raise RuntimeError('it was run')")
        chosen = f"--usersync-select={select}"
        result = pytester.runpytest("--usersync-walk", chosen, *options)
        assert result.ret == pytest.ExitCode.OK
        return result.outlines

    return walk


def test_a_finding_comes_with_one_migration_and_goes_with_another(walk: Walk) -> None:
    lines = walk(TABLE, REMARK, TRIGGER, "select 1;", MENDED, select="US101,US104,US702")
    assert lines == [
        "2 migrations change nothing that a check depends on. Judged at",
        "",
        "   1  supabase/migrations/20260101000000_m1.sql",
        "   2  supabase/migrations/20260103000000_m3.sql",
        "   3  supabase/migrations/20260105000000_m5.sql",
        "",
        "                         1 2 3",
        "US101 no-sync-trigger    x . .",
        "US104 null-email-blocked . x .",
        "",
        "x broken   . kept   - not applicable   ? not judged",
        "",
        "US101 was broken at the first of them, 20260101000000_m1.sql, and was repaired by",
        "  20260103000000_m3.sql.",
        "US104 came with 20260103000000_m3.sql and was repaired by 20260105000000_m5.sql.",
        "",
        "1 other check was not broken.",
    ]


def test_what_could_not_be_judged_before_comes_to_light(walk: Walk) -> None:
    lines = walk(TABLE + TRIGGER, SWALLOWED, select="US104,US105")
    assert lines[-3:] == [
        "US104 was broken at the first of them, 20260101000000_m1.sql, and was repaired by",
        "  20260102000000_m2.sql.",
        "US105 became visible with 20260102000000_m2.sql and is still broken.",
    ]


def test_a_migration_that_fails_is_a_stop_and_the_walk_goes_on(walk: Walk) -> None:
    lines = walk(TABLE, "select 1 / 0;", TRIGGER, select="US101,US701")
    assert "   2  supabase/migrations/20260102000000_m2.sql" in lines
    assert "US701 migration-fails . x x" in lines
    assert "US701 came with 20260102000000_m2.sql and is still broken." in lines
    assert "US101 no-sync-trigger x ? ." in lines


def test_the_walk_stops_where_the_cli_would(walk: Walk) -> None:
    options = ("--usersync-stop",)
    lines = walk(TABLE, "select 1 / 0;", TRIGGER, select="US701", options=options)
    assert "US701 migration-fails . x" in lines
    assert not any("m3.sql" in line for line in lines)


def test_rows_that_the_project_writes_can_matter(walk: Walk) -> None:
    lines = walk(
        "create table public.plans (name text primary key);"
        + TABLE.replace("email text not null", "plan text not null references public.plans")
        + TRIGGER.replace("(id, email)", "(id, plan)").replace("new.email)", "'free')"),
        "insert into public.plans values ('free');",
        select="US103",
        options=("-v",),
    )
    assert "US103 missing-profile ? ." in lines


def test_with_v_a_promise_that_is_kept_has_a_row_too(walk: Walk) -> None:
    lines = walk(TABLE, TRIGGER, select="US101,US702", options=("-v",))
    assert "US702 duplicate-version . ." in lines


def test_what_is_applied_after_the_migrations_is_a_stop(
    pytester: pytest.Pytester, walk: Walk
) -> None:
    pytester.path.joinpath("more.sql").write_text(MENDED, encoding="utf-8")
    lines = walk(TABLE + TRIGGER, select="US104", options=("--usersync-setup=more.sql",))
    assert "   2  more.sql" in lines
    assert "US104 null-email-blocked x ." in lines


def test_a_function_that_migrates_is_a_stop(
    pytester: pytest.Pytester, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "walked_tool", raising=False)
    pytester.makepyfile(
        walked_tool=f"""
        import psycopg

        def migrate(dsn):
            with psycopg.connect(dsn) as connection:
                connection.execute({MENDED!r})
        """
    )
    options = ("--usersync-load=walked_tool:migrate",)
    lines = walk(TABLE + TRIGGER, select="US104", options=options)
    assert "   2  walked_tool:migrate" in lines
    assert "US104 null-email-blocked x ." in lines


def test_the_walk_ends_at_a_version(walk: Walk) -> None:
    options = ("--usersync-upto=20260102000000",)
    lines = walk(TABLE, TRIGGER, MENDED, select="US104", options=options)
    assert lines[-1] == "US104 came with 20260102000000_m2.sql and is still broken."


@pytest.mark.parametrize("options", [("--usersync-select=US999",), ("--usersync-upto=1",), ()])
def test_what_cannot_be_walked_is_one_clear_line(
    pytester: pytest.Pytester, options: tuple[str, ...], write_project: Callable[[str], Path]
) -> None:
    if options:
        write_project(TABLE)
    result = pytester.runpytest("--usersync-walk", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("ERROR: ")
