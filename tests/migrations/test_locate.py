"""From a name or an error's context to the line of the migrations; no database is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_usersync.migrations import Project, locate_context, locate_function, locate_trigger
from pytest_usersync.model.finding import Location

Write = Callable[..., Project]

TABLE = "create table public.profiles (id uuid);\n\n"
BODY = """
begin
    insert into public.profiles (id) values (new.id);
    return new;
end;
"""
HANDLER = f"""-- create function handle_new_user() is below; don't look here
create or replace function public.handle_new_user()
returns trigger language plpgsql as $fn${BODY}$fn$;

create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();
"""
FRAME = "PL/pgSQL function public.handle_new_user() line 3 at SQL statement"


def found(location: Location | None) -> tuple[str, int, str]:
    assert location is not None
    return location.file, location.line, location.source


def test_a_function_is_where_it_is_created(write: Write) -> None:
    project = write(TABLE + HANDLER)

    assert found(locate_function(project, "public", "handle_new_user", BODY)) == (
        "supabase/migrations/1_file.sql",
        4,
        "create or replace function public.handle_new_user()",
    )


def test_the_latest_of_equal_definitions_counts(write: Write) -> None:
    project = write(TABLE + HANDLER, "select 1;", HANDLER)

    location = locate_function(project, "public", "handle_new_user", BODY)

    assert found(location)[:2] == ("supabase/migrations/3_file.sql", 2)


def test_the_body_decides_between_definitions(write: Write) -> None:
    project = write(HANDLER, HANDLER.replace("return new;", "return null;"))

    old = locate_function(project, "public", "handle_new_user", BODY)
    new = locate_function(project, "public", "handle_new_user", BODY.replace("new;", "null;"))

    assert found(old)[0] == "supabase/migrations/1_file.sql"
    assert found(new)[0] == "supabase/migrations/2_file.sql"


def test_the_name_decides_between_functions_with_one_body(write: Write) -> None:
    project = write(HANDLER, HANDLER.replace("handle_new_user", "other"))

    location = locate_function(project, "public", "handle_new_user", BODY)

    assert found(location)[0] == "supabase/migrations/1_file.sql"


def test_a_function_made_by_a_do_block_is_found_by_its_body(write: Write) -> None:
    block = f"do $do$\nbegin\n  execute $x$create function f() as $y${BODY}$y$$x$;\nend $do$;"
    project = write(TABLE, block)

    location = locate_function(project, "public", "handle_new_user", BODY)

    assert found(location)[:2] == ("supabase/migrations/2_file.sql", 3)


def test_with_an_unknown_body_the_name_decides(write: Write) -> None:
    project = write(HANDLER, TABLE)

    location = locate_function(project, "public", "handle_new_user", "begin return 1; end")

    assert found(location)[:2] == ("supabase/migrations/1_file.sql", 2)


@pytest.mark.parametrize(("schema", "name"), [("public", "other"), ("app", "handle_new_user")])
def test_another_function_is_not_found(write: Write, schema: str, name: str) -> None:
    assert locate_function(write(HANDLER), schema, name, "begin return 1; end") is None


def test_a_function_without_schema_may_be_of_any(write: Write) -> None:
    project = write(HANDLER.replace("public.handle", "handle"))

    assert found(locate_function(project, "app", "handle_new_user"))[1] == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "quote", [("$$", "$$"), ("$fn$", "$fn$"), ("'", "'"), ("E'", "'")], ids=lambda one: one[0]
)
def test_a_context_leads_to_the_line_of_the_body(
    write: Write, quote: tuple[str, str], newline: str
) -> None:
    text = HANDLER.replace(f"$fn${BODY}$fn$", BODY.join(quote))
    project = write((TABLE + text).replace("\n", newline))

    location = locate_context(project, FRAME)

    assert found(location) == (
        "supabase/migrations/1_file.sql",
        7,
        "    insert into public.profiles (id) values (new.id);",
    )
    assert location.column == 5


def test_doubled_quotes_in_a_body_change_nothing(write: Write) -> None:
    body = BODY.replace("(new.id)", "(coalesce(new.id, 'a'))")
    old = HANDLER.replace(f"$fn${BODY}$fn$", "'" + body.replace("'", "''") + "'")
    other = old.replace("handle_new_user", "other")
    project = write(old, old.replace("''a''", "''b''"), other)

    context = locate_context(project, FRAME, {"public.handle_new_user": body})

    assert found(context)[:2] == ("supabase/migrations/1_file.sql", 5)


def test_a_body_that_begins_beside_its_quote_counts_from_there(write: Write) -> None:
    project = write("create function f() returns trigger as $$begin\n  raise 'x';\nend$$;")

    location = locate_context(project, "PL/pgSQL function f() line 2 at RAISE")

    assert found(location)[1:] == (2, "  raise 'x';")


def test_the_innermost_line_of_the_project_counts(write: Write) -> None:
    inner = "\n\ncreate function app.inner(a text, b int) returns void as $$\nbegin\nfail;\nend$$;"
    project = write(HANDLER, inner)
    context = "\n".join(
        [
            "PL/pgSQL function auth.uid() line 2 at RETURN",
            "SQL statement \"select app.inner('', 1)",
            '  -- PL/pgSQL function nowhere() line 1"',
            "PL/pgSQL function app.inner(text,integer) line 3 at SQL statement",
            FRAME,
        ]
    )

    assert found(locate_context(project, context)) == (
        "supabase/migrations/2_file.sql",
        5,
        "fail;",
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('"My App"."New ""User"""', '"My App"."New ""User"""()'),
        ("Public . Handle_New", "handle_new()"),
        ('"public"."handle_new"', "public.handle_new()"),
        ("handle_new", "public.handle_new()"),
    ],
)
def test_names_mean_the_same_quoted_or_not(write: Write, written: str, shown: str) -> None:
    project = write(f"create function {written}() returns int as $$begin\nx;end$$;")

    location = locate_context(project, f"PL/pgSQL function {shown} line 2 at RETURN")

    assert found(location)[1:] == (2, "x;end$$;")


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ("PL/pgSQL function f() during function entry", 2),
        ("PL/pgSQL function f() while casting return value to function's return type", 2),
        ('compilation of PL/pgSQL function "f" near line 3', 4),
        ('SQL function "f" statement 2', 4),
        ('SQL function "f" during startup', 2),
    ],
)
def test_other_words_of_postgresql_are_understood(write: Write, context: str, line: int) -> None:
    project = write("\ncreate function f() returns int as $$\n  select 1;\n  select 2\n$$;")

    assert found(locate_context(project, context))[1] == line


@pytest.mark.parametrize("context", ["", "PL/pgSQL function gone() line 3 at RETURN"])
def test_a_context_without_the_project_leads_nowhere(write: Write, context: str) -> None:
    assert locate_context(write(HANDLER), context) is None


def test_a_trigger_is_where_it_is_created_last(write: Write) -> None:
    project = write(HANDLER, "drop trigger on_auth_user_created on auth.users;\n" + HANDLER)

    assert found(locate_trigger(project, "on_auth_user_created", "handle_new_user")) == (
        "supabase/migrations/2_file.sql",
        11,
        "create trigger on_auth_user_created after insert on auth.users",
    )


def test_function_and_table_decide_between_triggers_of_one_name(write: Write) -> None:
    other = "create trigger on_auth_user_created before update on public.profiles execute function"
    project = write(HANDLER, f"{other} public.touch();")

    def file(function: str = "", table: str = "") -> str:
        return found(locate_trigger(project, "on_auth_user_created", function, table=table))[0]

    assert file() == "supabase/migrations/2_file.sql"
    assert file("public.handle_new_user") == "supabase/migrations/1_file.sql"
    assert file(table="auth.users") == "supabase/migrations/1_file.sql"
    assert locate_trigger(project, "on_auth_user_created", "gone") is None


def test_a_trigger_in_a_comment_is_not_there(write: Write) -> None:
    commented = "".join(f"-- {line}\n" for line in HANDLER.splitlines()) + "select 1;"

    location = locate_trigger(write(HANDLER, commented), "on_auth_user_created")

    assert found(location)[0] == "supabase/migrations/1_file.sql"


def test_a_quoted_constraint_trigger_is_found(write: Write) -> None:
    project = write(
        'create constraint trigger "On User"\nafter insert on "auth"."users" deferrable\n'
        'for each row execute procedure "public"."handle"();'
    )

    assert found(locate_trigger(project, "On User", "public.handle", table="auth.users"))[1] == 1


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_place_ends_with_its_line(write: Write, newline: str) -> None:
    location = locate_context(write(HANDLER.replace("\n", newline)), FRAME)

    assert location is not None
    assert (location.end_line, location.end_column) == (5, len(location.source) + 1)


def test_a_byte_order_mark_is_no_column(write: Write) -> None:
    location = locate_function(write("\ufeffcreate function f() returns int as '1';"), "", "f")

    assert location is not None
    assert (location.column, location.source[:6]) == (1, "create")
