"""The place of each failure in its file; no file makes the applier hang."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pytest_usersync.migrations import LoadedProject, MigrationFailure, Project, load
from pytest_usersync.model.finding import Location
from pytest_usersync.postgres import Server, database

Apply = Callable[..., LoadedProject]


def refusal(loaded: LoadedProject) -> MigrationFailure:
    assert loaded.failure is not None
    return loaded.failure


def place(failed: MigrationFailure) -> tuple[int, int, str]:
    location = failed.failure.location
    assert isinstance(location, Location)
    assert location.file == "supabase/migrations/1_file.sql"
    return location.line, location.column, location.source


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_error_points_at_its_word(apply: Apply, newline: str) -> None:
    text = "select 1;\n-- é ☃\ncreate table é (\n    ö text, name citext2 not null\n);\n"

    failed = refusal(apply(text.replace("\n", newline)))

    assert place(failed) == (4, 18, "    ö text, name citext2 not null")
    assert failed.failure.sqlstate == "42704"
    assert str(failed) == ('supabase/migrations/1_file.sql:4: type "citext2" does not exist')


def test_an_error_without_position_points_at_the_statement_behind_its_comments(
    apply: Apply,
) -> None:
    failed = refusal(apply("create table a ();\n/* why; */\n-- because;\n  create table a ();"))

    assert place(failed) == (4, 3, "  create table a ();")
    assert failed.statement is not None
    assert failed.statement.text.startswith("/* why; */")


def test_an_error_in_a_do_block_points_at_its_line(apply: Apply) -> None:
    text = """select 1;
-- don't
do $do$
begin
    raise exception 'stop' using detail = 'why', hint = 'how', errcode = 'US001';
end
$do$;"""

    failed = refusal(apply(text))

    assert place(failed)[0] == 5
    failure = failed.failure
    assert (failure.sqlstate, failure.message) == ("US001", "stop")
    assert (failure.detail, failure.hint) == ("why", "how")
    assert failure.context == "PL/pgSQL function inline_code_block line 3 at RAISE"


def test_an_error_in_a_body_points_at_its_line(apply: Apply) -> None:
    body = "\nbegin\n    bogus;\nend\n"

    failed = refusal(apply(f"create function f() returns int language plpgsql as $${body}$$;"))

    assert place(failed) == (3, 5, "    bogus;")


@pytest.mark.parametrize(
    ("text", "sqlstate", "line"),
    [
        ("select 1;\n\\set x 1\nselect 2;", "42601", 2),
        ("\ufeffselect 1;", "42601", 1),
        ("select 1;\nselect E'it\\'s; x';", "42601", 2),
        ("create table a ();\ncopy a from stdin;\n1\n\\.\nselect 1;", "08P01", 2),
        ("create table a ();\n\ncopy a from stdin;", "08P01", 3),
        ("select 1;\n\nselect pg_terminate_backend(pg_backend_pid());", "57P01", 3),
    ],
    ids=["psql", "byte-order-mark", "cut", "copy-with-data", "copy-alone", "killed"],
)
def test_what_the_cli_cannot_do_fails_where_it_stands(
    apply: Apply, text: str, sqlstate: str, line: int
) -> None:
    failed = refusal(apply(text, limit=10))

    assert failed.failure.sqlstate == sqlstate
    assert place(failed)[0] == line


def test_a_statement_that_takes_too_long_is_cancelled_and_named(apply: Apply) -> None:
    begin = time.monotonic()

    failed = refusal(apply("select 1;\nselect pg_sleep(60);\nselect 2;", limit=0.3))

    assert time.monotonic() - begin < 10
    assert place(failed) == (2, 1, "select pg_sleep(60);")
    assert failed.failure.sqlstate == "57014"
    assert failed.failure.message == "still running after 0.3 s, so it was cancelled"


def test_an_error_of_its_own_is_not_taken_for_a_cancel(apply: Apply) -> None:
    failed = refusal(apply("set statement_timeout = '100ms';\nselect pg_sleep(60);"))

    assert failed.failure.sqlstate == "57014"
    assert failed.failure.message == "canceling statement due to statement timeout"


def test_no_database_is_left_when_loading_raises(
    server: Server, template: str, write: Callable[..., Project]
) -> None:
    project = write("select 1")
    broken = Project(project.root, project.origin, (None,))  # type: ignore[arg-type]

    query = "select datname from pg_database where datname ~ '^usersync_project_' order by 1"
    with database.connect(server, "postgres") as connection:
        before = connection.execute(query).fetchall()
        with pytest.raises(AttributeError):
            load(server, template, broken)
        assert connection.execute(query).fetchall() == before
