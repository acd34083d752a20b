"""``--usersync-show`` prints how the sync was understood, and runs no test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]

EVERY_SOURCE = """
create type public.kind as enum ('person', 'robot');
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    email text,
    full_name text,
    slug text generated always as (lower(email)) stored,
    shout text,
    verified boolean,
    role text default 'member',
    plan text default 'free',
    source text,
    created_at timestamptz default now(),
    number int generated always as identity,
    token text,
    metadata jsonb,
    bio text,
    "Kind" public.kind default 'person'
);
create table public.members (user_id uuid, since date default '2020-02-02');
create table public.log (note text);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (
        id, email, full_name, shout, verified, plan, source, token, metadata
    ) values (
        new.id,
        new.email,
        new.raw_user_meta_data ->> 'full_name',
        upper(new.email),
        new.email_confirmed_at is not null,
        'context',
        'app',
        md5(random()::text),
        new.raw_user_meta_data
    );
    insert into public.members (user_id) values (new.id);
    insert into public.log values ('somebody came');
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""


@pytest.fixture
def shown(pytester: pytest.Pytester, write_project: Write) -> Callable[[str], list[str]]:
    """Return a function that writes a project and returns what is shown of it."""

    def shown(text: str) -> list[str]:
        write_project(text)
        pytester.makepyfile("def test_it(): raise RuntimeError('it was run')")
        result = pytester.runpytest("--usersync-show")
        assert result.ret == pytest.ExitCode.OK
        assert not result.errlines
        return result.outlines

    return shown


def test_every_column_says_where_its_value_comes_from(shown: Callable[[str], list[str]]) -> None:
    lines = shown(EVERY_SOURCE)
    start = lines.index("public.profiles, a row for each user, found by id:")
    end = lines.index("", start)
    sources = {line[2:12].strip(): line[14:] for line in lines[start + 1 : end]}
    assert sources == {
        "id": "the user's id",
        "email": "copy of auth.users.email",
        "full_name": 'user metadata "full_name", unchanged',
        "slug": "computed: lower(email)",
        "shout": "changes with auth.users.email",
        "verified": "whether auth.users.email_confirmed_at is set",
        "role": "its default, 'member'::text",
        "plan": "always 'context', not its default 'free'::text",
        "source": "always 'app'",
        "created_at": "its default, now()",
        "number": "numbered by the table (identity)",
        "token": "a new value at each signup (clock, counter or random)",
        "metadata": "copy of the whole user metadata",
        "bio": "NULL",
        "Kind": "its default, 'person'::kind",
    }


def test_the_way_from_the_trigger_to_the_tables_is_shown(
    shown: Callable[[str], list[str]],
) -> None:
    lines = shown(EVERY_SOURCE)
    file = "supabase/migrations/20260101000000_profiles.sql"
    trigger = EVERY_SOURCE[: EVERY_SOURCE.index("create trigger")].count("\n") + 1
    function = EVERY_SOURCE[: EVERY_SOURCE.index("create function")].count("\n") + 1
    assert lines[:5] == [
        "Triggers on auth.users:",
        f"  make_profile (after insert)  [{file}:{trigger}]",
        f"    -> public.make_profile()  [{file}:{function}]",
        "       -> public.profiles",
        "       -> public.members",
    ]
    assert "public.members, a row for each user, found by user_id:" in lines
    assert "  since    its default, '2020-02-02'::date" in lines
    assert lines[-3:] == [
        "A signup also creates rows without the user's id in public.log.",
        "",
        "The sync reads these keys of the user metadata: full_name.",
    ]


def test_a_project_without_a_trigger_is_told_so(shown: Callable[[str], list[str]]) -> None:
    assert shown("create table public.profiles (id uuid primary key);") == [
        "The project has no trigger on auth.users.",
        "",
        "A signup creates no row with the new user's id.",
    ]


def test_a_blocked_signup_is_told_with_what_the_database_said(
    shown: Callable[[str], list[str]],
) -> None:
    lines = shown(EVERY_SOURCE.replace("bio text", "bio text not null"))
    assert lines[1].startswith("  make_profile (after insert)")
    assert "An ordinary signup fails (US102), so its tables are not known." in lines
    assert any('23502: null value in column "bio"' in line for line in lines)
    assert any("at supabase/migrations/20260101000000_profiles.sql:" in line for line in lines)


def test_a_trigger_that_a_signup_does_not_need_is_shown_too(
    shown: Callable[[str], list[str]],
) -> None:
    second = "create function public.idle() returns trigger language plpgsql as "
    second += "$$ begin return new; end $$; create trigger idle after insert on auth.users "
    lines = shown(EVERY_SOURCE + second + "for each row execute function public.idle();")
    at = next(n for n, line in enumerate(lines) if line.startswith("  idle (after insert)"))
    assert lines[at + 2] == "       -> no table (a signup writes the same tables without it)"


def test_a_migration_that_does_not_apply_is_told_first(
    shown: Callable[[str], list[str]],
) -> None:
    lines = shown("select 1 / 0;")
    assert lines[0].startswith("20260101000000_profiles.sql does not apply (US701)")
    assert lines[1] == "  22012: division by zero"


def test_a_project_that_is_not_there_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-show")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines[0].startswith("ERROR: ")
