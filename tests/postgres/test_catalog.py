"""What the catalog's dataclasses say is what was created."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from pytest_usersync.model.sync import Table
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.catalog import Query, asking, columns, functions, relations, triggers
from pytest_usersync.postgres.catalog.columns import Column
from pytest_usersync.postgres.database import connect

SQL = """
create schema auth;
create table auth.users (id uuid primary key, email text);
create function auth.theirs() returns int language sql as 'select 1';
create schema "My App";
create function "My App".note() returns trigger security definer language plpgsql
    as $$ begin return new; end $$;
create trigger a_note after insert or update on auth.users
    for each row when (new.email is not null) execute function "My App".note();
create constraint trigger b_late after delete on auth.users deferrable initially deferred
    for each row execute function "My App".note();
create trigger c_off before truncate on auth.users execute function "My App".note();
alter table auth.users disable trigger c_off;
create table public.profiles (id uuid references auth.users (id) deferrable initially deferred);
create type public.plan as enum ('free', 'paid');
create domain public.code as varchar(5) not null default 'x';
create table public.odd (
    id uuid primary key,
    number bigint generated always as identity,
    email text unique check (email <> ''),
    plan public.plan default 'free',
    code public.code,
    name varchar(20) not null,
    upper_name text generated always as (upper(name)) stored,
    gone text,
    handle text unique deferrable
);
alter table public.odd drop column gone;
create function public.count_up(first integer, word text default 'x') returns setof integer
    begin atomic select first; end;
create procedure public.work() language plpgsql as $$ begin null; end $$;
"""


@pytest.fixture
def query(server: Server, fresh_database: Callable[[], str]) -> Iterator[Query]:
    """Yield what asks a database with these objects."""
    with closing(connect(server, fresh_database())) as connection:
        connection.execute(SQL.encode())
        yield asking(connection)


def test_triggers_on_users_are_those_that_somebody_created(query: Query) -> None:
    found = triggers.on_users(query)
    assert [*found] == ["a_note", "b_late", "c_off"]
    note, late, off = found.values()
    assert (note.timing, note.events, note.by_row) == ("AFTER", ("INSERT", "UPDATE"), True)
    assert (note.conditional, note.deferrable, note.enabled) == (True, False, True)
    assert (late.deferrable, late.deferred, late.events) == (True, True, ("DELETE",))
    assert (off.timing, off.events, off.by_row) == ("BEFORE", ("TRUNCATE",), False)
    assert (off.firing, off.enabled) == ("D", False)


def test_a_trigger_tells_of_its_function(query: Query) -> None:
    note = triggers.on_users(query)["a_note"]
    assert (note.schema, note.function, note.signature) == ("My App", "note", '"My App".note()')
    assert (note.definer, note.language) == (True, "plpgsql")
    assert note.source == " begin return new; end "
    assert note.definition.endswith('EXECUTE FUNCTION "My App".note()')


@pytest.fixture
def odd(query: Query) -> dict[str, Column]:
    """Return the columns of a table in which each is another kind of column."""
    return columns.of(query, Table("public", "odd"))


def test_columns_come_in_their_order_without_those_that_are_dropped(odd: dict[str, Column]) -> None:
    assert [*odd] == ["id", "number", "email", "plan", "code", "name", "upper_name", "handle"]


def test_a_column_tells_its_type(odd: dict[str, Column]) -> None:
    name, code, plan = odd["name"], odd["code"], odd["plan"]
    assert (name.type, name.full_type) == ("character varying", "character varying(20)")
    assert (name.base_type, name.category, name.length) == ("varchar", "S", 20)
    assert (code.type, code.base_type, code.length) == ("public.code", "varchar", 5)
    assert (plan.category, plan.labels) == ("E", ("free", "paid"))


def test_a_column_tells_what_it_takes(odd: dict[str, Column]) -> None:
    assert {name for name, one in odd.items() if one.filled} == {"number", "plan", "upper_name"}
    assert {name for name, one in odd.items() if one.read_only} == {"number", "upper_name"}
    assert {name for name, one in odd.items() if one.required} == {"id", "number", "code", "name"}
    assert not odd["code"].not_null
    assert odd["code"].domain_default
    assert odd["email"].checks == ("CHECK ((email <> ''::text))",)


def test_a_column_tells_what_keeps_its_values_apart(odd: dict[str, Column]) -> None:
    assert {name for name, one in odd.items() if one.unique} == {"id", "email", "handle"}
    assert {name for name, one in odd.items() if one.unique_at_once} == {"id", "email"}
    assert {name for name, one in odd.items() if one.primary} == {"id"}


def test_a_table_that_is_not_there_has_no_columns(query: Query) -> None:
    assert columns.of(query, "public.nothing") == {}


def test_functions_of_the_project_are_told_without_the_platforms(query: Query) -> None:
    assert [one.signature for one in functions.of_project(query)] == [
        '"My App".note()',
        "public.count_up(integer,text)",
        "public.work()",
    ]


def test_a_function_tells_how_it_is_called(query: Query) -> None:
    note, count, work = functions.of_project(query)
    assert (note.called, note.returns_trigger, note.fired) == ('"My App".note', True, True)
    assert (count.types, count.required, count.returns_set) == (("integer", "text"), 1, True)
    assert count.arguments == "first integer, word text DEFAULT 'x'::text"
    assert (count.identity_arguments, count.result) == ("first integer, word text", "SETOF integer")
    assert count.source == ""
    assert count.body.startswith("BEGIN ATOMIC")
    assert (work.procedure, work.result, work.definer) == (True, None, False)


def test_tables_come_with_the_columns_that_no_two_rows_share(query: Query) -> None:
    found = relations.tables(query)
    assert [*found] == [Table("public", "odd"), Table("public", "profiles")]
    assert found[Table("public", "odd")].unique == ("id", "email", "handle")
    assert found[Table("public", "profiles")].every == ("id",)
    assert Table("auth", "users") in relations.tables(query, ["public", "information_schema"])


def test_a_function_is_found_by_its_name_in_a_schema_of_the_platform_too(query: Query) -> None:
    (found,) = functions.of_name(query, "auth.theirs()")
    assert found.called == "auth.theirs"
    assert [one.called for one in functions.of_name(query, '"My App".note')] == ['"My App".note']
    assert functions.of_name(query, "auth.nobodys()") == []
    assert "auth.theirs" not in [one.called for one in functions.of_project(query)]
