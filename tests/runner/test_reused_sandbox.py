"""The database in which chores are tried is as new for whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.postgres import Server
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.probes.maintenance.routines import at_work
from pytest_usersync.runner.context import CheckContext, on_clone
from pytest_usersync.runner.reused_sandbox import reused_context

MORE = """
create table public.plans (name text primary key, users bigint not null default 0);
insert into public.plans (name) values ('free'), ('paid');
create table public.numbers (id bigint generated always as identity, name text);
"""
# What tells one database from another, what the planner knows, and where rows stand.
COPY = "select oid from pg_catalog.pg_database where datname = current_database()"
KNOWN = """
    select c.oid::regclass::text as name, c.relpages, c.reltuples, pg_relation_size(c.oid) as size
    from pg_catalog.pg_class as c
    where c.relkind = 'r' and c.relnamespace::regnamespace::text in ('auth', 'public')
    order by name
"""


@pytest.fixture
def context(server: Server, tmp_path: Path) -> Iterator[CheckContext]:
    """Return a context on a project with rows and numbers of its own."""
    act = Act("a project", "plain", files={"20260102000000_more.sql": MORE})
    with ExitStack() as exits:
        subject = exits.enter_context(staged(server, act, tmp_path))
        yield exits.enter_context(on_clone(subject))


def copy(context: CheckContext) -> object:
    """Return which database a context is on."""
    return context.query(COPY)


def test_who_came_is_gone_and_the_copy_is_the_same(context: CheckContext) -> None:
    first = reused_context(context)
    was, known = copy(first), first.query(KNOWN)
    first.with_profile(ghosts.ORDINARY)
    ghosts.ghost(first)
    first.execute("insert into public.numbers (name) values ('one'), ('two')")
    second = reused_context(context)
    assert copy(second) == was
    assert second.query("select id from auth.users union all select id from public.profiles") == []
    assert second.query(KNOWN) == known
    second.execute("insert into public.numbers (name) values ('one')")
    assert second.query("select id from public.numbers") == [{"id": 1}]


def test_a_crowd_leaves_no_room_behind(context: CheckContext) -> None:
    first = reused_context(context)
    was, known = copy(first), first.query(KNOWN)
    ghosts.insert_many(first, 500)
    second = reused_context(context)
    assert copy(second) == was
    assert second.query(KNOWN) == known


def test_triggers_that_were_off_for_a_while_are_no_reason_for_a_new_copy(
    context: CheckContext,
) -> None:
    first = reused_context(context)
    was = copy(first)
    with ghosts.triggers_off(first):
        pass
    first.execute("alter table public.plans add constraint odd check (false) not valid")
    first.execute("alter table public.plans drop constraint odd")
    assert copy(reused_context(context)) == was


@pytest.mark.parametrize(
    "change",
    [
        "update public.plans set users = users + 1 where name = 'free'",
        "delete from public.plans where name = 'free'",
        "create table public.found (id int)",
        "create function public.found() returns int language sql return 1",
        "create index on public.plans (users)",
        "alter table auth.users disable trigger user",
        "alter table public.plans add constraint odd check (false) not valid",
        "alter table public.plans add column more int",
        "revoke select on public.plans from anon",
        "create rule stays as on delete to public.numbers do instead nothing",
        "create policy mine on public.plans using (true)",
        "do $$ begin perform lo_create(0); end $$",
    ],
)
def test_what_cannot_be_taken_back_makes_a_new_copy(context: CheckContext, change: str) -> None:
    first = reused_context(context)
    was = copy(first)
    first.execute(change)
    second = reused_context(context)
    assert copy(second) != was
    assert second.query("select name, users from public.plans order by name") == [
        {"name": "free", "users": 0},
        {"name": "paid", "users": 0},
    ]
    assert copy(reused_context(context)) == copy(second)


def test_a_session_that_is_in_the_midst_of_something_ends(context: CheckContext) -> None:
    first = reused_context(context)
    first.execute("begin")
    first.execute("insert into public.numbers (name) values ('one')")
    assert reused_context(context).query("select from public.numbers") == []


def test_a_run_finds_nothing_of_the_one_before_in_its_session(context: CheckContext) -> None:
    first = reused_context(context)
    for _ in range(2):
        with at_work(first) as connection:
            pid = connection.info.backend_pid
            found = connection.execute(
                "select current_setting('app.seen', true) as seen"
            ).fetchall()
            assert not found[0]["seen"]
            connection.execute("set app.seen = 'yes'; create temporary table lost (id int)")
            connection.execute("prepare twice as select 1; select pg_advisory_lock(1)")
            connection.execute("set role service_role")
    assert first.query("select from pg_locks where locktype = 'advisory'") == []
    with at_work(first) as connection:
        assert connection.info.backend_pid == pid
        connection.execute("begin")
    with at_work(first) as connection:
        assert connection.info.backend_pid != pid
