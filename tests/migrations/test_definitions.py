"""From an object of the catalog to the statement that defines it last; no database is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.migrations import Project
from pytest_usersync.migrations.definitions import (
    locate_column,
    locate_grant,
    locate_object,
    locate_text,
)
from pytest_usersync.model.finding import Location

Write = Callable[..., Project]

TABLE = """\
-- create table public.users (email text); is what it was
create table if not exists public.users (
    id uuid primary key,  -- email comes next, (in parentheses)
    price numeric(10, 2) default 'a, b',
    "E-mail" text not null
        constraint users_email_key unique,
    email text check (email in ('a', 'b'))
);
"""


def line(location: Location | None) -> str:
    """Return file number and line: ``1:4``."""
    return f"{location.file.split('/')[-1][0]}:{location.line}" if location else ""


@pytest.mark.parametrize(
    ("column", "at"),
    [("id", "1:3"), ("price", "1:4"), ("E-mail", "1:5"), ("email", "1:7"), ("gone", "")],
)
def test_a_column_is_in_its_create_table(write: Write, column: str, at: str) -> None:
    assert line(locate_column(write(TABLE), "public.users", column)) == at


def test_a_place_of_a_column_is_its_definition(write: Write) -> None:
    location = locate_column(write(TABLE), "public.users", "E-mail")

    assert location is not None
    assert (location.column, location.end_line, location.end_column) == (5, 6, 42)


@pytest.mark.parametrize(
    "alter",
    [
        "alter table public.users add column phone text, add column email text;",
        "alter table only users\n add column if not exists EMAIL text;",
        "do $do$ begin\n execute 'alter table public.users add email text'; end $do$;",
        "do $$ begin\n execute format('alter table %I add %I text', 'users', 'email'); end $$;",
    ],
)
def test_a_column_is_where_it_is_added_last(write: Write, alter: str) -> None:
    location = locate_column(write(TABLE, alter), "public.users", "email")

    assert line(location)[0] == "2"
    assert location is not None
    assert "email" in location.source.lower()


@pytest.mark.parametrize(
    "other",
    [
        "alter table public.orders add column email text;",
        "alter table app.users add column email text;",
        "alter table public.users add constraint email unique (email);",
        "-- alter table public.users add column email text;\nselect 1;",
        "do $$ begin\n-- alter table public.users add column email text;\nend $$;",
        "do $$ begin execute format('alter table %I add email text', 'orders'); end $$;",
        "create table app.users (email text);",
        "insert into public.users (email) values ('create table public.users (email text)');",
    ],
)
def test_what_is_about_another_thing_is_passed_over(write: Write, other: str) -> None:
    assert line(locate_column(write(TABLE, other), "public.users", "email")) == "1:7"


@pytest.mark.parametrize(
    ("kind", "name", "table", "at"),
    [
        ("table", "public.users", "", "1:2"),
        ("table", "app.users", "", ""),
        ("constraint", "users_email_key", "public.users", "1:6"),
        ("policy", '"Users can read"', "public.users", "2:2"),
        ("policy", '"Users can read"', "public.orders", ""),
        ("policy", "others", "public.users", "2:3"),
        ("index", "one_name", "public.users", "2:4"),
        ("view", "public.everybody", "", "2:5"),
        ("row security", "public.users", "", "2:6"),
    ],
)
def test_an_object_is_where_it_is_defined(
    write: Write, kind: str, name: str, table: str, at: str
) -> None:
    project = write(
        TABLE,
        "/* create policy others on public.users; */\n"
        'create policy "Users can read" on public.users using (true);\n'
        "create policy others on users;\n"
        "create unique index concurrently if not exists one_name on public.users (name);\n"
        "create or replace view public.everybody as select * from public.users;\n"
        "alter table public.users enable row level security;\n",
    )

    assert line(locate_object(project, kind, name, table)) == at


def test_a_policy_of_a_loop_over_tables_is_found(write: Write) -> None:
    loop = """do $$
declare one text;
begin
    foreach one in array array['users', 'orders'] loop
        execute format('alter table public.%I enable row level security', one);
        execute format('create policy %I on public.%2$I using (true)', one || '_open', one);
        execute format($p$create policy "Open" on public.%I using (true)$p$, one);
    end loop;
end $$;"""
    project = write(TABLE, loop)

    assert line(locate_object(project, "row security", "public.users")) == "2:5"
    assert line(locate_object(project, "policy", '"Open"', "public.orders")) == "2:7"
    assert line(locate_object(project, "policy", '"Open"', "public.others")) == ""


def test_an_altered_policy_is_where_it_is_altered(write: Write) -> None:
    create = "create policy own on public.users using (true);"

    def place(second: str) -> str:
        return line(locate_object(write(create, second), "policy", "own", "public.users"))

    assert place("alter policy own on public.users using (false);") == "2:1"
    assert place("drop policy other on public.users;") == "1:1"


def test_a_dropped_constraint_is_not_its_definition(write: Write) -> None:
    project = write(TABLE, "alter table public.users drop constraint users_email_key;")

    assert line(locate_object(project, "constraint", "users_email_key", "public.users")) == "1:6"


def test_a_grant_is_the_last_that_names_the_thing_and_the_role(write: Write) -> None:
    project = write(
        "grant execute on function public.check_users(), public.other(text) to anon;\n"
        "grant select on public.users\n  to authenticated;\n"
        "grant execute on function public.check_users_again() to anon;"
    )

    assert line(locate_grant(project, "public.check_users")) == "1:1"
    assert line(locate_grant(project, "public.other", ["anon"])) == "1:1"
    assert line(locate_grant(project, "public.other", ["authenticated"])) == ""
    assert line(locate_grant(project, "public.users", ["anon", "authenticated"])) == "1:2"


def test_a_job_is_found_by_what_it_says(write: Write) -> None:
    project = write("select 1;\n\n-- every day\nselect cron.schedule('a', '0 2 * * *', 'b()');")

    assert line(locate_text(project, "cron.schedule", "b()")) == "1:4"
    assert line(locate_text(project, "cron.schedule", "c()")) == ""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_change_nothing(write: Write, newline: str) -> None:
    project = write("\ufeff" + TABLE.replace("\n", newline))

    assert line(locate_column(project, "public.users", "email")) == "1:7"
