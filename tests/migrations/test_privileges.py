"""Statements that the platform changes so that postgres may run them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.migrations import LoadedProject, split
from pytest_usersync.migrations.privileges import platform_query, without_platform

Apply = Callable[..., LoadedProject]
Rows = Callable[[str, str], list[dict[str, object]]]

TRIGGER = """
create function public.handle() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger "On User" after insert on auth.users
    for each row execute function public.handle();
create trigger on_user after insert on auth.users
    for each row execute function public.handle();
"""


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        (
            "create extension citext",
            "create extension /* once */ if not exists citext",
        ),
        (
            "-- why\nCREATE /* a */ EXTENSION \"uuid-ossp\" WITH SCHEMA Ext version '1' cascade",
            (
                '-- why\nCREATE /* a */ EXTENSION /* once */ if not exists "uuid-ossp" WITH '
                "SCHEMA Ext version '1' cascade"
            ),
        ),
        (
            "do $$ begin create extension citext; execute 'create extension ' || 'http'; end $$",
            (
                "do $$ begin create extension /* once */ if not exists citext;"
                " execute 'create extension /* once */ if not exists ' || 'http'; end $$"
            ),
        ),
        (
            "create index i on t using hnsw (e vector_l2_ops) with (m = 16) where true",
            "create index i on t using hnsw (e vector_l2_ops)               where true",
        ),
        (
            "do $$ begin create index on t using ivfflat (e)\nwith (lists = 100); end $$",
            "do $$ begin create index on t using ivfflat (e)\n                  ; end $$",
        ),
    ],
)
def test_a_statement_is_changed_so_that_the_platform_can_run_it(
    statement: str, changed: str
) -> None:
    (one,) = split(statement)

    assert platform_query(one) == (changed, ())


@pytest.mark.parametrize(
    ("statement", "function"),
    [
        ("create event trigger e on ddl_command_end execute function f()", "as_platform"),
        ("-- no more\ndrop event trigger if exists e", "as_platform"),
        ("create publication p for all tables", "as_platform"),
        ("alter database postgres set timezone to 'utc'", "change_database"),
        ("COMMENT ON DATABASE \"postgres\" IS 'ours'", "change_database"),
    ],
)
def test_a_statement_for_a_platform_function_is_recognized(statement: str, function: str) -> None:
    (one,) = split(statement)
    assert platform_query(one) == (f"select usersync.{function}($1::text)", (statement,))


@pytest.mark.parametrize(
    "statement",
    [
        "drop trigger a on auth.users",
        "create policy a on storage.objects using (true)",
        "create extension if not exists citext",
        "create extension citext wth schema public",
        "drop extension citext",
        "-- create extension citext\nselect 1",
        "select 'create extension citext'",
        "do $$ begin create extension if not exists citext; end $$",
        "create index i on t using gin (e) with (fastupdate = off)",
        "create publication p for table t",
        "alter database other set timezone to 'utc'",
        "create function f() returns void language plpgsql as $$ begin create extension a; end $$",
    ],
)
def test_another_statement_is_run_as_it_is(statement: str) -> None:
    (one,) = split(statement)

    assert platform_query(one) is None


def test_the_lines_of_platform_functions_are_cut_from_a_context() -> None:
    mine = "PL/pgSQL function public.f() line 3 at SQL statement"
    theirs = 'SQL statement "x"\nPL/pgSQL function usersync.lend(text,text,oid) line 9 at RAISE'

    assert without_platform(f"{theirs}\n{mine}") == mine
    assert without_platform(theirs) == ""
    assert without_platform(mine) == mine


VECTORS = """
    create extension vector with schema extensions;
    create table public.docs (id int, embedding extensions.vector(3));
    create index on public.docs using ivfflat (embedding vector_cosine_ops) with (lists = 100);
    do $$ begin
        if not exists (select from pg_extension where extname = 'pg_cron') then
            create extension pg_cron;
        end if;
        create index docs_hnsw on public.docs using hnsw (embedding vector_l2_ops)
            with (m = 16, ef_construction = 64);
    end $$;
"""


def test_extensions_are_created_once_wherever_that_is_said(apply: Apply, rows: Rows) -> None:
    loaded = apply(VECTORS, "create index concurrently on public.docs using hnsw (embedding)")

    assert loaded.failure is None
    assert loaded.notices == ()
    query = "select extname::text from pg_extension where extname in ('vector', 'pg_cron')"
    assert len(rows(loaded.database, query)) == 2


@pytest.mark.parametrize(
    "text", ["create extension vector;", "do $$ begin create extension vector; end $$;"]
)
def test_a_second_extension_of_a_name_fails_where_it_stands(apply: Apply, text: str) -> None:
    failed = apply("create extension vector;", f"select 1;\n{text}").failure

    assert failed is not None
    assert str(failed) == 'supabase/migrations/2_file.sql:2: extension "vector" already exists'
    assert failed.failure.sqlstate == "42710"
    assert "usersync" not in failed.failure.context


def test_an_event_trigger_and_settings_of_the_database_are_made(apply: Apply) -> None:
    loaded = apply(
        """
        create function public.watch() returns event_trigger language plpgsql
        as $$ begin perform 1; end $$;
        create event trigger watch on ddl_command_end execute function public.watch();
        alter database postgres set timezone to 'Europe/Berlin';
        create publication mine for all tables;
        """
    )

    assert loaded.failure is None


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
