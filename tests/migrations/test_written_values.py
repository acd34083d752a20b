"""From a column to the expression in a body that writes it; no database is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.migrations import Project
from pytest_usersync.migrations.locate import function_body
from pytest_usersync.migrations.written_values import Act, locate_write
from pytest_usersync.model.finding import Location

Write = Callable[..., Project]

COLUMNS = ("id", "email", "Name")
BODY = """
begin
    -- insert into public.users (email) values (old.email);
    insert into public.users (
        id, "Name",  -- email is next
        email
    )
    values (
        new.id,
        coalesce(new.raw_user_meta_data ->> 'name, or email', $x$a, b$x$),
        new.email
    )
    on conflict (id) do update
    set email = excluded.email,
        "Name" = case when users."Name" is distinct from '' then 'a' else 'b' end
    where users.id = excluded.id;
    update public.users set email = lower(new.email) where id = new.id;
    return new;
end;
"""


def place(
    write: Write, body: str, column: str = "", *, first: Act = Act.INSERT, quote: str = "$$"
) -> Location | None:
    project = write(
        f"select 1;\ncreate function public.sync() returns trigger as {quote}{body}{quote};"
    )
    found = function_body(project, "public", "sync")
    assert found
    return locate_write(project, [found], "public.users", column, columns=COLUMNS, first=first)


def text(location: Location | None) -> str:
    """Return the line of the body, and what of it is meant, if that is in one line."""
    if location is None:
        return ""
    end = location.end_column - 1 if location.end_line == location.line else None
    return f"{location.line - 2} {location.source[location.column - 1 : end]}"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("column", "first", "found"),
    [
        ("email", Act.INSERT, "10 new.email"),
        ("id", Act.INSERT, "8 new.id"),
        ("Name", Act.INSERT, "9 coalesce(new.raw_user_meta_data ->> 'name, or email', $x$a, b$x$)"),
        ("email", Act.UPDATE, "16 email = lower(new.email)"),
        (
            "Name",
            Act.UPDATE,
            """14 "Name" = case when users."Name" is distinct from '' then 'a' else 'b' end""",
        ),
        ("", Act.INSERT, "3 insert into public.users ("),
        ("", Act.UPDATE, "16 update public.users set email = lower(new.email) where id = new.id;"),
        ("phone", Act.INSERT, "3 insert into public.users ("),
    ],
)
def test_a_value_is_where_it_is_written(
    write: Write, column: str, first: Act, found: str, newline: str
) -> None:
    assert text(place(write, BODY.replace("\n", newline), column, first=first)) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("begin\ninsert into users values (new.id, new.email, 'x'); end", "1 new.email"),
        ("begin\ninsert into users\nselect new.id,\n new.email, 'x' from t; end", "3 new.email"),
        ("insert into public.users as u (email)\nselect distinct a from b;", "1 a"),
        ("insert into public . users(EMAIL) overriding system value values (1)", "0 1"),
        ("insert into users (email, id) values ((select a, b\nfrom c), 2)", ""),
        (
            "insert into orders (email) values (1);\nupdate only users u set (id, email) = (2, 3)",
            "1 (id, email) = (2, 3)",
        ),
    ],
)
def test_a_value_is_found_in_every_form(write: Write, body: str, found: str) -> None:
    location = place(write, body, "email")

    assert location is not None
    if found:
        assert text(location) == found
    else:
        assert (location.end_line, location.end_column) == (3, 8)


@pytest.mark.parametrize(
    "body",
    [
        "insert into orders (email) values (new.email);",
        "insert into app.users (email) values (new.email);",
        "-- insert into users (email) values (new.email)\n/* update users set email = 1 */",
    ],
)
def test_what_writes_another_table_is_not_found(write: Write, body: str) -> None:
    assert place(write, body, "email") is None


def test_an_insert_of_a_whole_row_is_found_as_a_statement(write: Write) -> None:
    body = "begin\n    insert into public.users select new.*;\nend"

    assert text(place(write, body, "email")) == "1 insert into public.users select new.*;"


def test_doubled_quotes_of_a_body_change_no_line(write: Write) -> None:
    body = BODY.replace("'", "''")

    assert text(place(write, body, "email", quote="'")) == "10 new.email"
