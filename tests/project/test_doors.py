"""Statements that the platform runs for postgres, and how they are told from others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.project import Loaded, split
from pytest_usersync.project.doors import through_door

Apply = Callable[..., Loaded]
Rows = Callable[[str, str], list[dict[str, object]]]

TRIGGER = """
create function public.handle() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger "On User" after insert on auth.users
    for each row execute function public.handle();
create trigger on_user after insert on auth.users
    for each row execute function public.handle();
"""


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("create extension citext", ("citext", None, "false", "false")),
        (
            'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "Ext" version \'1\' cascade',
            ("uuid-ossp", "Ext", "true", "true"),
        ),
        ("-- why\ncreate /* a */ extension PgCrypto schema Public", ("pgcrypto", "public")),
        ("drop trigger a on auth.users", ("a", "auth.users", "false")),
        (
            'drop trigger if exists "On A" on "auth"."users" cascade',
            ("On A", '"auth"."users"', "true"),
        ),
        (
            "create policy a on storage.objects for select using (true)",
            ("create policy a on storage.objects for select using (true)",),
        ),
        ('drop policy if exists "a b" on realtime.messages', None),
    ],
)
def test_a_statement_for_a_door_is_recognized(
    statement: str, parameters: tuple[str | None, ...] | None
) -> None:
    (one,) = split(statement)
    door = through_door(one)

    assert door is not None
    expected = (statement,) if parameters is None else parameters
    assert door[1][: len(expected)] == expected


@pytest.mark.parametrize(
    "statement",
    [
        "drop trigger a on public.profiles",
        "drop trigger a on authors.users",
        "create policy a on public.profiles using (true)",
        "drop extension citext",
        "-- create extension citext\nselect 1",
        "select 'create extension citext'",
        "do $$ begin create extension citext; end $$",
    ],
)
def test_another_statement_is_run_as_it_is(statement: str) -> None:
    (one,) = split(statement)

    assert through_door(one) is None


def test_triggers_on_auth_can_be_dropped_and_made_again(apply: Apply, rows: Rows) -> None:
    loaded = apply(
        TRIGGER,
        'drop trigger if exists "On User" on auth.users;\nDROP TRIGGER On_User ON "auth".users;',
        "drop trigger if exists gone on auth.users;",
    )

    assert loaded.failure is None
    assert "gone" in loaded.notices[-1].text
    assert rows(loaded.database, "select from pg_trigger where tgname ~* 'on.user'") == []


def test_the_history_keeps_what_was_written(apply: Apply, rows: Rows) -> None:
    text = "create extension if not exists pgcrypto with schema extensions"

    loaded = apply(f"{text};")

    query = "select statements from supabase_migrations.schema_migrations"
    assert rows(loaded.database, query) == [{"statements": [text]}]


def test_a_missing_extension_names_the_migration_that_wants_it(apply: Apply) -> None:
    failed = apply("select 1", '-- for maps\ncreate extension "no such thing";').failure

    assert failed is not None
    assert str(failed) == (
        'supabase/migrations/2_file.sql:2: extension "no such thing" is not available'
    )
    assert failed.failure.context == ""


def test_a_policy_on_storage_can_be_made_and_its_mistakes_point_at_the_word(
    apply: Apply,
) -> None:
    good = "create policy a on storage.objects for select to anon using (bucket_id = 'a');"

    assert apply(good, "drop policy a on storage.objects;").failure is None

    failed = apply(f"select 1;\n{good.replace('using', 'usin')}").failure
    assert failed is not None
    location = failed.failure.location
    assert location is not None
    assert (location.line, location.column) == (2, good.index("using") + 1)
