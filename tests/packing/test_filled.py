"""The batches of a written backfill: by an insert, by the triggers of the project, with any key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.checks import registry
from pytest_usersync.model.quoting import named, quoted
from pytest_usersync.packgen.pack import made
from pytest_usersync.packgen.sandbox import looking, tried
from pytest_usersync.postgres import Server
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.runner.context import Trial

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


@pytest.fixture(params=["plain", "text_key", "username"])
def trial(
    request: pytest.FixtureRequest, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trial]:
    """Return a trial in a project with its pack, made without judging anything."""
    monkeypatch.setattr(registry, "every", lambda: ())
    with (
        staged(server, sound(request.param), tmp_path) as subject,
        tried(subject, list(made(subject).drafts)) as whole,
        looking(whole) as trial,
    ):
        trial.execute(f"delete from {schema(trial)}.cleanup_audit_log")
        yield trial


def schema(trial: Trial) -> str:
    return quoted(trial.sync.profile.table.schema)


def backfill(trial: Trial, size: int) -> None:
    with closing(trial.connect("postgres")) as session:
        session.execute(f"call {schema(trial)}.backfill_ghost_users({size})".encode())
        session.execute("select pg_stat_force_next_flush()")


def read(trial: Trial) -> list[int]:
    """Return how many rows of both tables were read by scans of the whole of them."""
    with closing(trial.connect()) as session:
        return [
            session.execute(READ, [table]).fetchall()[0]["read"]
            for table in ("auth.users", named(trial.sync.profile.table))
        ]


def test_a_batch_reads_no_table_as_a_whole(trial: Trial) -> None:
    with closing(trial.connect()) as session:
        session.execute(SIGNED_UP.format(GHOSTS).encode())
    before = read(trial)
    backfill(trial, 500)
    after = read(trial)
    assert not ghosts.without_profile(trial)
    assert after[0] - before[0] >= GHOSTS
    # once for the list of ghosts, once for the failures that are none any more
    for now, then in zip(after, before, strict=True):
        assert now - then <= 3 * GHOSTS


def test_who_gets_nothing_is_set_aside_and_stops_nobody_else(trial: Trial) -> None:
    lost = [ghosts.ghost(trial) for _ in range(5)]
    profile = trial.sync.profile
    trial.execute(SKIP.format(named(profile.table), quoted(profile.key), lost[2]))
    backfill(trial, 4)
    assert ghosts.without_profile(trial) == [lost[2]]
    assert trial.query(FAILURES.format(schema(trial))) == [
        {"user_id": lost[2], "error_code": "P0002", "said": "nothing was written"}
    ]
    assert trial.query(LOG.format(schema(trial))) == [
        {"status": "completed", "records_affected": 4}
    ]
