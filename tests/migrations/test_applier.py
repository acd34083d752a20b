"""Migrations are applied as by the CLI: transactions, session, history, role."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.migrations import LoadedProject, MigrationFailure
from pytest_usersync.postgres import Server, database

Apply = Callable[..., LoadedProject]
Rows = Callable[[str, str], list[dict[str, object]]]

HISTORY = "select * from supabase_migrations.schema_migrations order by version"
TABLES = """
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname
"""


def versions(loaded: LoadedProject) -> list[str]:
    return [migration.version for migration in loaded.applied]


def refusal(loaded: LoadedProject) -> MigrationFailure:
    assert loaded.failure is not None
    return loaded.failure


def test_every_file_is_applied_and_recorded(apply: Apply, rows: Rows) -> None:
    loaded = apply(v1_a="create table a ();\n-- why\nselect '\"\\';", v2_="-- only a comment")

    assert loaded.failure is None
    assert versions(loaded) == ["1", "2"]
    assert rows(loaded.database, HISTORY) == [
        {
            "version": "1",
            "statements": ["create table a ()", "-- why\nselect '\"\\'"],
            "name": "a",
        },
        {"version": "2", "statements": ["-- only a comment"], "name": ""},
    ]


def test_migrations_run_as_postgres_which_owns_what_they_make(apply: Apply, rows: Rows) -> None:
    loaded = apply("create table a ();", "select 1")

    owners = rows(
        loaded.database,
        """
        select oid::regclass::text as name, relowner::regrole::text as owner from pg_class
        where oid in ('a'::regclass, 'supabase_migrations.schema_migrations'::regclass)
        order by name
        """,
    )
    assert [row["owner"] for row in owners] == ["postgres", "postgres"]


def test_an_error_rolls_its_file_back_and_leaves_the_earlier_ones(apply: Apply, rows: Rows) -> None:
    loaded = apply("create table a ();", "create table b ();\nselect nope;", "create table c ();")

    assert versions(loaded) == ["1"]
    assert refusal(loaded).migration.version == "2"
    assert [row["version"] for row in rows(loaded.database, HISTORY)] == ["1"]
    assert [row["relname"] for row in rows(loaded.database, TABLES)] == ["a"]


def test_an_explicit_commit_commits(apply: Apply, rows: Rows) -> None:
    loaded = apply("begin; create table a (); commit; create table b (); select nope;")

    assert refusal(loaded).failure.sqlstate == "42703"
    assert rows(loaded.database, HISTORY) == []
    assert [row["relname"] for row in rows(loaded.database, TABLES)] == ["a"]


def test_an_open_transaction_is_a_failure_because_its_work_is_lost(
    apply: Apply, rows: Rows
) -> None:
    loaded = apply("create table a ();\nbegin;\ncreate table b ();", "create table c ();")

    failure = refusal(loaded).failure
    assert str(failure.location) == "supabase/migrations/1_file.sql:2"
    assert failure.message.startswith("the file ends inside a transaction")
    assert versions(loaded) == []
    assert rows(loaded.database, TABLES) == []


@pytest.mark.parametrize("alone", ["create index concurrently on a (i);", "vacuum a;"])
def test_what_needs_no_transaction_must_be_the_first_and_only_statement(
    apply: Apply, alone: str
) -> None:
    table = "create table a (i int);"

    assert apply(table, alone).failure is None

    behind = refusal(apply(table, f"select 1; {alone}"))
    assert behind.failure.sqlstate == "25001"
    assert behind.statement is not None
    assert behind.statement.text == alone.rstrip(";")


def test_a_new_enum_value_cannot_be_used_in_its_file(apply: Apply) -> None:
    enum, value = "create type e as enum ('a');", "alter type e add value 'b';"

    assert refusal(apply(enum, f"{value} select 'b'::e;")).failure.sqlstate == "55P04"
    assert apply(enum, value, "select 'b'::e;").failure is None


def test_settings_last_for_the_file_and_no_longer(apply: Apply) -> None:
    show = "do $$ begin raise notice '%', current_setting('search_path'); end $$;"

    loaded = apply(f"set search_path = auth; select set_config('a.b', 'c', false); {show}", show)

    first, second = loaded.notices
    assert (first.severity, first.text, first.migration.version) == ("NOTICE", "auth", "1")
    assert "public, extensions" in second.text


def test_nothing_is_set_for_migrations_but_the_settings_of_their_role(
    apply: Apply, rows: Rows, server: Server
) -> None:
    names = "('application_name', 'client_encoding', 'in_hot_standby')"
    changed = f"""
        select coalesce(string_agg(name || '=' || setting, ' ' order by name), '') as text
        from pg_settings where source in ('client', 'session') and name not in {names}
    """

    loaded = apply(f"create table seen as {changed};")

    assert loaded.failure is None
    assert rows(loaded.database, "select text from seen") == [{"text": ""}]


def test_a_role_that_was_set_stays_for_the_following_files(apply: Apply, server: Server) -> None:
    able = "create role usersync_able; grant usersync_able to postgres;"
    grants = "grant all on all tables in schema supabase_migrations to usersync_able;"
    open_door = "grant usage on schema supabase_migrations to usersync_able;"
    show = "do $$ begin raise notice '%', current_user; end $$;"
    try:
        loaded = apply(able + grants + open_door, "set role usersync_able;", show)

        assert loaded.failure is None
        assert loaded.notices[-1].text == "usersync_able"
    finally:
        with database.connect(server, loaded.database) as connection:
            connection.execute("drop owned by usersync_able")
            connection.execute("drop role usersync_able")


def test_a_role_that_may_not_write_the_history_fails_the_file(apply: Apply, rows: Rows) -> None:
    loaded = apply("create table a ();\nset role anon;")

    failed = refusal(loaded)
    assert failed.statement is None
    assert failed.failure.sqlstate == "42501"
    assert 'end with "reset role"' in failed.failure.hint
    assert rows(loaded.database, TABLES) == []


def test_the_second_file_of_one_version_fails(apply: Apply, rows: Rows) -> None:
    loaded = apply(v1_a="create table a ();", v1_b="create table b ();")

    failed = refusal(loaded)
    assert failed.statement is None
    assert failed.failure.sqlstate == "23505"
    assert failed.failure.hint.startswith("supabase/migrations/1_a.sql has the same version")
    assert str(failed.failure.location) == "supabase/migrations/1_b.sql:1"
    assert [row["relname"] for row in rows(loaded.database, TABLES)] == ["a"]


def test_a_trigger_on_the_users_of_auth_can_be_made(apply: Apply, rows: Rows) -> None:
    loaded = apply(
        """
        create function public.handle() returns trigger language plpgsql
        as $$ begin return new; end $$;
        create trigger made after insert on auth.users
            for each row execute function public.handle();
        """
    )

    assert loaded.failure is None
    query = "select tgname from pg_trigger where tgname = 'made' and not tgisinternal"
    assert rows(loaded.database, query) == [{"tgname": "made"}]


def test_a_handler_that_names_a_missing_table_can_be_made(apply: Apply) -> None:
    body = "begin insert into nowhere values (1); return new; end"
    text = f"create function handle() returns trigger language plpgsql as $${body}$$;"

    assert apply(text).failure is None


@pytest.mark.parametrize(
    "statement",
    ["alter table auth.users add column nick text", "create table auth.mine ()"],
)
def test_what_belongs_to_auth_is_refused(apply: Apply, statement: str) -> None:
    assert refusal(apply(statement)).failure.sqlstate == "42501"


def test_many_statements_and_many_rows_do_not_block_each_other(apply: Apply, rows: Rows) -> None:
    insert = f"insert into a values ('{'x' * 2000}');\n" * 3000
    back = "select * from a;\n" * 3

    loaded = apply(f"create table a (t text);\n{insert}{back}copy a to stdout;", limit=30)

    assert loaded.failure is None
    assert rows(loaded.database, "select count(*) from a") == [{"count": 3000}]
