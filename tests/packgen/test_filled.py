"""The batches of a written backfill: by an insert, by the triggers of the project, with any key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from acts import sound, staged
from matrix import few
from registering import register_only

from pytest_usersync.model.quoting import named, quoted
from pytest_usersync.packgen.pack import make_pack
from pytest_usersync.packgen.sandbox import load_with
from pytest_usersync.postgres import Server
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.context import CheckContext, on_clone

GHOSTS = 20_000
SIGNED_UP = """
    set session_replication_role = replica;
    insert into auth.users (id, aud, role, email, raw_user_meta_data, created_at, updated_at)
    select
        gen_random_uuid(), 'authenticated', 'authenticated', 'ghost' || n || '@example.com',
        jsonb_build_object('username', 'ghost' || n), now(), now()
    from generate_series(1, {}) as n;
    reset session_replication_role;
"""
READ = "select seq_tup_read as read from pg_stat_user_tables where relid = %s::regclass"
SKIP = """
    create function public.skip() returns trigger language plpgsql as $$
    begin
        return null;
    end;
    $$;
    create trigger skip
        before insert on {}
        for each row
        when (new.{}::text = '{}')
        execute function public.skip();
"""
FAILURES = "select user_id, error_code, error_message as said from {}.user_sync_failures"
LOG = "select status, records_affected from {}.cleanup_audit_log"


@pytest.fixture(scope="module", params=few(["plain", "text_key", "username"], ["text_key"]))
def whole(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Subject]:
    """Return a project with its pack, made without judging anything."""
    with (
        pytest.MonkeyPatch.context() as patch,
        staged(server, sound(request.param), tmp_path_factory.mktemp("project")) as subject,
    ):
        register_only(patch, ())
        with load_with(subject, list(make_pack(subject).drafts)) as whole:
            yield whole


@pytest.fixture
def context(whole: Subject) -> Iterator[CheckContext]:
    """Return a context on a database of its own."""
    with on_clone(whole) as context:
        context.execute(f"delete from {schema(context)}.cleanup_audit_log")
        yield context


def schema(context: CheckContext) -> str:
    return quoted(context.sync.profile.table.schema)


def backfill(context: CheckContext, size: int) -> None:
    with closing(context.connect("postgres")) as session:
        session.execute(f"call {schema(context)}.backfill_ghost_users({size})".encode())
        session.execute("select pg_stat_force_next_flush()")


def read(context: CheckContext) -> list[int]:
    """Return how many rows of both tables were read by scans of the whole of them."""
    with closing(context.connect()) as session:
        return [
            session.execute(READ, [table]).fetchall()[0]["read"]
            for table in ("auth.users", named(context.sync.profile.table))
        ]


def test_a_batch_reads_no_table_as_a_whole(context: CheckContext) -> None:
    with closing(context.connect()) as session:
        session.execute(SIGNED_UP.format(GHOSTS).encode())
    before = read(context)
    backfill(context, 500)
    after = read(context)
    assert not ghosts.without_profile(context)
    assert after[0] - before[0] >= GHOSTS
    # once for the list of ghosts, once for the failures that are none any more
    for now, then in zip(after, before, strict=True):
        assert now - then <= 3 * GHOSTS


def test_who_gets_nothing_is_set_aside_and_stops_nobody_else(context: CheckContext) -> None:
    lost = [ghosts.ghost(context) for _ in range(5)]
    profile = context.sync.profile
    context.execute(SKIP.format(named(profile.table), quoted(profile.key), lost[2]))
    backfill(context, 4)
    assert ghosts.without_profile(context) == [lost[2]]
    assert context.query(FAILURES.format(schema(context))) == [
        {"user_id": lost[2], "error_code": "P0002", "said": "nothing was written"}
    ]
    assert context.query(LOG.format(schema(context))) == [
        {"status": "completed", "records_affected": 4}
    ]
