"""A project that tries to use what the platform lends it for one command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from matrix import WHOLE, few

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones

OLDER = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

# Write down who runs this; a superuser shows by its rights, whatever it is called.
WATCH = """
create table public.seen (who text, rights boolean, tag text);
grant all on public.seen to public;
create function public.note(tag text) returns void language plpgsql as $$
begin
    insert into public.seen
    select current_user, rolsuper, note.tag from pg_catalog.pg_roles where rolname = current_user;
end $$;
create function public.joined(a name, b name) returns text language plpgsql as $$
begin perform public.note('||'); return a::text operator(pg_catalog.||) b::text; end $$;
create function public.compared(a name, b text) returns boolean language plpgsql as $$
begin perform public.note('='); return a::text operator(pg_catalog.=) b; end $$;
create function public.nothing() returns int language sql as 'select 1';
create operator public.|| (leftarg = name, rightarg = name, function = public.joined);
"""
MOVES = [
    "alter extension citext set schema pg_catalog",
    "alter extension /* alter extension citext set schema pg_catalog */ hstore update",
    "alter extension -- alter extension citext set schema pg_catalog\n hstore update",
    "/* alter extension citext set schema pg_catalog */ alter extension hstore update",
    "do $x$ begin alter extension hstore update; end $x$ -- alter extension citext set schema x",
    "create extension if not exists citext with schema pg_catalog",
    "create extension if not exists unaccent with schema pg_catalog",
    "create extension if not exists unaccent with schema usersync",
    "create extension if not exists unaccent with schema information_schema",
    "comment on extension hstore is 'create extension if not exists x schema pg_catalog'",
]
FIRES = """
create function public.fires() returns event_trigger language plpgsql as $$
begin
    perform public.note(tg_event || ' ' || tg_tag);
    begin
        execute 'alter table auth.users add column mine int';
        insert into public.seen values (current_user, true, 'altered');
    exception when others then null;
    end;
end $$;
"""
LENT = [
    "drop trigger if exists nothing on auth.users",
    "create policy mine on storage.objects for select using (true)",
    "alter policy mine on storage.objects using (false)",
    "comment on policy mine on storage.objects is 'why'",
    "drop policy mine on storage.objects",
    "create extension if not exists citext with schema public",
    "do $$ begin create extension hstore with schema public; end $$",
    "do $$ begin create extension if not exists unaccent; end $$",
    "alter extension citext set schema extensions",
    "do $$ begin alter extension hstore update; end $$",
    "comment on extension citext is 'mine'",
    "drop extension citext",
]


@pytest.fixture(scope="module", params=[None, *OLDER] if WHOLE else [None], ids=str)
def seeded(request: pytest.FixtureRequest, wanted: ServerRequest) -> Iterator[Server]:
    binaries = request.param or wanted.binaries
    with start(ServerRequest(binaries=binaries), platform.seed()) as running:
        yield running.server


@pytest.fixture
def postgres(seeded: Server) -> Iterator[database.Connection]:
    with (
        Clones(seeded) as clones,
        database.connect(seeded, clones.take(platform.template(seeded)), "postgres") as opened,
    ):
        opened.execute(WATCH)
        yield opened


def refusal(connection: database.Connection, statement: str) -> str:
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate or ""
    return ""


def rows(connection: database.Connection, query: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in connection.execute(query.encode())]


ADDED = """
select classid::regclass::text, objid::text from pg_depend
where classid in ('pg_proc'::regclass, 'pg_operator'::regclass) and deptype = 'e'
    and objid in (
        select oid from pg_proc where pronamespace = 'public'::regnamespace
            and proowner = 'postgres'::regrole
        union all
        select oid from pg_operator where oprnamespace = 'public'::regnamespace
            and oprowner = 'postgres'::regrole
    )
"""
IN_CATALOG = """
select oprname from pg_operator where oid >= 16384 and oprnamespace = 'pg_catalog'::regnamespace
union all
select proname from pg_proc where oid >= 16384 and pronamespace = 'pg_catalog'::regnamespace
union all
select extname from pg_extension
where extnamespace in (
    'usersync'::regnamespace, 'information_schema'::regnamespace
) or extnamespace = 'pg_catalog'::regnamespace and extname not in ('plpgsql', 'pg_cron')
"""


@pytest.mark.parametrize("move", MOVES)
def test_nothing_of_a_project_comes_into_a_schema_where_a_superuser_looks(
    postgres: database.Connection, move: str
) -> None:
    if "citext with" not in move:
        postgres.execute("create extension if not exists citext with schema public")
    postgres.execute("create extension if not exists hstore with schema extensions")
    for one in (
        "alter extension citext add function public.joined(name, name)",
        "alter extension citext add operator public.|| (name, name)",
        "alter extension hstore add function public.nothing()",
    ):
        refusal(postgres, one)
    refusal(postgres, move)
    refusal(postgres, "create policy mine on storage.objects for select using (true)")
    assert rows(postgres, IN_CATALOG) == []
    assert rows(postgres, "select * from public.seen") == []


@pytest.mark.parametrize(
    "member", ["function public.nothing()", "operator public.|| (name, name)", "table public.seen"]
)
def test_no_object_of_a_project_becomes_part_of_a_platforms_extension(
    postgres: database.Connection, member: str
) -> None:
    assert refusal(postgres, f"alter extension pgcrypto add {member}") == "42501"
    block = f"do $do$ begin alter extension pgcrypto add {member}; end $do$"
    assert refusal(postgres, block) == "42501"
    assert rows(postgres, ADDED) == []


def test_an_extension_moves_only_where_its_mover_may_create(postgres: database.Connection) -> None:
    postgres.execute("create schema theirs")
    assert refusal(postgres, "alter extension pgcrypto set schema auth") == "42501"
    assert refusal(postgres, "alter extension pgcrypto set schema theirs") == ""
    place = "select extnamespace::regnamespace::text from pg_extension where extname = 'pgcrypto'"
    assert rows(postgres, place) == [("theirs",)]


@pytest.mark.parametrize(
    "schema", ["a$$; alter role postgres superuser; --", "a'; alter role postgres superuser; --"]
)
@pytest.mark.parametrize("extension", ["vector", "pgjwt"])
def test_no_name_of_a_schema_ends_a_text_of_a_stand_in(
    postgres: database.Connection, extension: str, schema: str
) -> None:
    postgres.execute(f'create schema "{schema}"'.encode())
    refusal(postgres, f'create extension if not exists {extension} schema "{schema}"')
    refusal(postgres, f"create extension if not exists {extension} schema public")
    refusal(postgres, f'alter extension {extension} set schema "{schema}"')
    role = "select rolsuper from pg_roles where rolname = 'postgres'"
    assert rows(postgres, role) == [(False,)]


@pytest.mark.parametrize(
    "event", few(["ddl_command_start", "ddl_command_end", "sql_drop"], ["ddl_command_start"])
)
@pytest.mark.parametrize("name", few(["zzz", "!", "\U0010fffe"], ["zzz"]))
def test_no_event_trigger_of_a_project_runs_while_something_is_lent(
    postgres: database.Connection, name: str, event: str
) -> None:
    postgres.execute(FIRES)
    made = f'create event trigger "{name}" on {event} execute function public.fires()'
    postgres.execute("select usersync.as_platform(%s)", [made])
    for statement in LENT:
        refusal(postgres, statement)
    seen = rows(postgres, "select * from public.seen")
    assert [one for one in seen if one[1]] == []
    assert rows(
        postgres, "select evtenabled from pg_event_trigger where evtname = " + f"'{name}'"
    ) == [("O",)]
    postgres.execute("create table public.later ()")
    postgres.execute("drop table public.later")
    assert rows(postgres, "select * from public.seen where tag ~ ' (CREATE|DROP) TABLE$'") != []
    columns = "select from pg_attribute where attrelid = 'auth.users'::regclass"
    assert rows(postgres, f"{columns} and attname = 'mine'") == []


@pytest.mark.parametrize("name", ["\U0010ffff", "\U0010ffffz", "usersync_x"])
def test_an_event_trigger_of_a_project_has_no_name_behind_ours(
    postgres: database.Connection, name: str
) -> None:
    postgres.execute(FIRES)
    made = f'create event trigger "{name}" on ddl_command_start execute function public.fires()'
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("select usersync.as_platform(%s)", [made])
    made = made.replace(name, "zzz")
    postgres.execute("select usersync.as_platform(%s)", [made])
    renamed = f'alter event trigger zzz rename to "{name}"'
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("select usersync.as_platform(%s)", [renamed])
