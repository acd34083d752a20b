"""The backfill of a written pack where something goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from acts import sound, staged
from psycopg import Error
from psycopg.errors import QueryCanceled
from registering import register_only

from pytest_usersync.packgen.pack import make_pack
from pytest_usersync.packgen.sandbox import load_with
from pytest_usersync.packgen.template import created
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import Connection
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.context import CheckContext, on_clone

CALL = "call public.backfill_ghost_users()"
HELD = (
    "select count(*) as locks from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
)
LOG = "select status, records_affected, error_message from public.cleanup_audit_log"
SULK = """
    create function public.sulk() returns trigger language plpgsql as $$
    begin
        if new.id = '{}' then
            raise exception 'not me';
        end if;

        return null;
    end;
    $$;
    create constraint trigger sulk
        after insert on public.profiles
        deferrable initially deferred
        for each row
        execute function public.sulk();
"""


@pytest.fixture(scope="module")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Return the plain project with its pack, made without judging anything."""
    with (
        pytest.MonkeyPatch.context() as patch,
        staged(server, sound("plain"), tmp_path_factory.mktemp("project")) as subject,
    ):
        register_only(patch, ())
        with load_with(subject, list(make_pack(subject).drafts)) as whole:
            yield whole


@pytest.fixture
def context(whole: Subject) -> Iterator[CheckContext]:
    """Return a context on a database of its own."""
    with on_clone(whole) as context:
        context.execute("delete from public.cleanup_audit_log")
        yield context


NAMES = """
    select c.relname as name
    from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    union all
    select p.proname
    from pg_proc as p
    where p.pronamespace = 'public'::regnamespace
"""


def test_every_name_that_a_pack_gives_is_known(context: CheckContext) -> None:
    """What it creates is what must be free before; the rest is the plain project's."""
    found = {row["name"] for row in context.query(NAMES)}
    assert found - {"profiles", "create_profile", "update_profile"} == {*created()} - {
        "write_user_profile",
        "user_sync_replay",
    }


def locks(session: Connection) -> int:
    return int(session.execute(HELD).fetchall()[0]["locks"])


@pytest.mark.parametrize(
    "fault",
    [
        "alter table public.cleanup_audit_log add check (status <> 'running') not valid",
        "alter table public.cleanup_audit_log add check (status <> 'completed') not valid",
        "alter table auth.users rename column id to elsewhere",
        "alter function public.fill_or_set_aside(uuid[]) rename to elsewhere",
        "alter table public.user_sync_failures rename to elsewhere",
    ],
    ids=["at the start", "in its log", "in the list", "in a batch", "at the end"],
)
def test_a_backfill_that_fails_keeps_no_lock(context: CheckContext, fault: str) -> None:
    ghosts.ghost(context)
    context.execute(fault)
    with closing(context.connect("postgres")) as session:
        with pytest.raises(Error):
            session.execute(CALL)
        assert locks(session) == 0


def test_a_backfill_that_takes_too_long_keeps_no_lock(context: CheckContext) -> None:
    lost = ghosts.ghost(context)
    with closing(context.connect("postgres")) as session, closing(context.connect()) as other:
        other.execute("begin")
        other.execute("lock table public.cleanup_audit_log")
        session.execute("set statement_timeout = '200ms'")
        with pytest.raises(QueryCanceled):
            session.execute(CALL)
        other.execute("rollback")
        assert locks(session) == 0
        session.execute("reset statement_timeout")
        session.execute(CALL)
    assert lost not in ghosts.without_profile(context)


def test_what_is_refused_at_the_commit_stops_nobody_else(context: CheckContext) -> None:
    lost = [ghosts.ghost(context) for _ in range(3)]
    context.execute(SULK.format(lost[1]))
    with closing(context.connect("postgres")) as session:
        session.execute(CALL)
        assert locks(session) == 0
    assert ghosts.without_profile(context) == [lost[1]]
    assert context.query(
        "select user_id, error_message as said from public.user_sync_failures"
    ) == [{"user_id": lost[1], "said": "not me"}]
    assert [row["records_affected"] for row in context.query(LOG)] == [2]


HOLD = """
    create function public.hold() returns trigger security definer language plpgsql as $$
    begin
        perform pg_advisory_xact_lock(42);
        return new;
    end;
    $$;
    create trigger hold
        before insert on public.profiles
        for each row
        when (new.id = '{}')
        execute function public.hold();
"""
WAITS = "select from pg_locks where locktype = 'advisory' and objid = 42 and not granted"


def test_who_got_a_profile_meanwhile_keeps_it_and_is_no_failure(context: CheckContext) -> None:
    first, second, _ = sorted(ghosts.ghost(context) for _ in range(3))
    context.execute(HOLD.format(first))
    with closing(context.connect("postgres")) as session, closing(context.connect()) as other:
        other.execute("select pg_advisory_lock(42)")
        filling = threading.Thread(target=session.execute, args=[CALL])
        filling.start()
        while not other.execute(WAITS).fetchall():
            time.sleep(0.002)
        written = "insert into public.profiles (id, full_name) values (%s, 'Ada')"
        other.execute(written, [second])
        other.execute("select pg_advisory_unlock(42)")
        filling.join()
    assert not ghosts.without_profile(context)
    assert context.query("select id from public.profiles where full_name = 'Ada'") == [
        {"id": second}
    ]
    assert context.query("select from public.user_sync_failures") == []
    assert context.query(LOG) == [
        {"status": "completed", "records_affected": 2, "error_message": None}
    ]
