"""The digest that tells which migrations can matter: it sees what does, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from psycopg import Rollback

from pytest_usersync.commands.bisect import digest
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection

FUNCTION = """
create or replace function public.greet() returns trigger language plpgsql as $$
begin
    return new;
end;
$$;
"""
BASE = f"""
create type public.kind as enum ('cat');
create table public.plans (name text, note text);
insert into public.plans values ('free'), ('paid');
{FUNCTION}
create trigger greet after insert on auth.users
    for each row execute function public.greet();
create policy own on public.plans using (true);
"""
MATTERS = [
    "create schema app",
    "create table public.more ()",
    "create temporary sequence counted; create sequence public.counted",
    "alter table public.plans add column price int",
    "alter table public.plans alter column name set not null",
    "alter table public.plans alter column note set default 'none'",
    "alter table public.plans alter column note type varchar(9)",
    "alter table public.plans enable row level security",
    "alter table public.plans owner to service_role",
    "alter table public.plans add check (name <> '')",
    "create index on public.plans (name)",
    "create view public.seen as select name from public.plans",
    "create rule never as on delete to public.plans do instead nothing",
    "revoke select on public.plans from anon",
    "grant update (note) on public.plans to anon",
    "revoke usage on schema public from anon",
    "alter default privileges for role postgres in schema public revoke select on tables from anon",
    "alter function public.greet() security definer",
    "alter function public.greet() set search_path = ''",
    "revoke execute on function public.greet() from public",
    FUNCTION.replace("return new", "return null"),
    "alter table auth.users disable trigger greet",
    "drop trigger greet on auth.users",
    "create trigger b after insert on public.plans for each row execute function public.greet()",
    "alter policy own on public.plans using (false)",
    "alter policy own on public.plans to anon",
    "alter type public.kind rename value 'cat' to 'dog'",
    "create domain public.short as text",
    "create aggregate public.total (int) (sfunc = int4pl, stype = int)",
    "create role helper",
    "grant anon to service_role",
    "insert into public.plans values ('team')",
    "update public.plans set note = 'x' where name = 'free'",
    "delete from public.plans where name = 'paid'",
    "insert into auth.users (id) values (gen_random_uuid())",
]
DOES_NOT = [
    "select 1",
    "comment on table public.plans is 'what is paid for'",
    FUNCTION,
    "analyze public.plans",
    "create temporary table mine (id int)",
    "update public.plans set note = 'x' where false",
    "grant select on public.plans to service_role; revoke select on public.plans from service_role",
    "set local statement_timeout = '1min'",
]


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection]:
    with (
        Clones(server) as clones,
        database.connect(server, clones.take(platform.template(server))) as connection,
    ):
        connection.execute(BASE.encode())
        connection.execute("revoke all on public.plans from service_role")
        yield connection


@pytest.fixture
def same(connection: Connection) -> Callable[[str], bool]:
    """Return a function that tells whether SQL leaves the digest as it is, and takes it back."""

    def same(text: str) -> bool:
        before = digest.take(connection)
        assert digest.take(connection) == before
        with connection.transaction():
            connection.execute(text.encode())
            after = digest.take(connection)
            raise Rollback
        return before == after

    return same


@pytest.mark.parametrize("text", MATTERS)
def test_what_a_promise_can_hang_on_is_seen(same: Callable[[str], bool], text: str) -> None:
    assert not same(text)


@pytest.mark.parametrize("text", DOES_NOT)
def test_what_changes_nothing_is_not(same: Callable[[str], bool], text: str) -> None:
    assert same(text)
